"""A practice signs in with a private key: sealed in the database, used at the stand-in's server."""

from __future__ import annotations

from dataclasses import replace

import asyncssh

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import SystemClock
from shared.objectstore import open_object_store
from tests.integration.debident_gateway.office import Office
from tests.integration.debident_gateway.test_with_the_stand_in import ACCOUNT, StandIn, stand_in

__all__ = ["stand_in"]
USER = f"client-of-{ACCOUNT}"


async def test_a_private_key_rests_sealed_and_opens_the_portal_for_its_practice_only(
    database: Database, stand_in: StandIn
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    secret = key.export_private_key().decode()
    registration = {"client_secret": "another", "account_number": ACCOUNT}
    public_key = key.export_public_key().decode()
    stand_in.admin("PUT", f"/clients/{USER}", registration | {"public_key": public_key})
    store = open_object_store("memory:", key=bytes(32))
    office = Office(database, SystemClock(), store, None, account=ACCOUNT)
    await office.open(credentials=False, adapter="sftp")
    door = replace(stand_in.sftp_door(), sign_in="private-key")
    await office.enter_sftp_access(door, USER, secret)
    [row] = await office.rows("SELECT sign_in, sealed_secret FROM portal_sftp_credentials")
    sealed = bytes(row["sealed_secret"])
    assert row["sign_in"] == "private-key"
    middle = secret.splitlines()[2]
    assert middle.encode() not in sealed
    assert b"PRIVATE KEY" not in sealed
    order_id = await office.order()
    await office.ticks.send_orders()
    assert (await office.state(order_id))[0] == "sent"
    assert stand_in.uploads() == [1]
    theirs = Office(database, SystemClock(), store, None, account=ACCOUNT)
    await theirs.open(credentials=False, adapter="sftp")
    await office.rows(
        "UPDATE portal_sftp_credentials SET practice_id = :theirs RETURNING 1",
        Scope.everything(),
        theirs=theirs.practice_id,
    )
    second = await theirs.order()
    await theirs.ticks.send_orders()
    assert await theirs.state(second) == ("intended", "portal-credentials-unreadable")
    assert stand_in.uploads() == [1]
