"""The portal suite: the fake and the real one over a socket keep the same promises."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from services.debident_gateway.domain.answers import (
    Accepted,
    AlreadyHaveIt,
    Arrived,
    InDoubt,
    NotSent,
    Received,
    Refused,
    RefusedOnArrival,
    SendOutcome,
    UnknownToPortal,
)
from services.debident_gateway.domain.model import PortalAccess
from services.debident_gateway.ports.portal import PortalSilentError
from tests.contracts.portal.harness import PortalHarness, downloaded, sha256
from tests.unit.debident_gateway.builders import (
    ACCOUNT,
    ORDER,
    OTHER_PRACTICE,
    SECOND_ORDER,
    access,
    package,
)

OURS = access()
THEIRS = PortalAccess(OTHER_PRACTICE, "client-b", "other-s3cret", "CMD-0815")


@pytest.fixture(autouse=True)
async def _registered(harness: PortalHarness) -> None:
    await harness.register(OURS)
    await harness.register(THEIRS)


async def _send(
    harness: PortalHarness,
    data: bytes | None = None,
    *,
    order_id: UUID = ORDER,
    with_access: PortalAccess = OURS,
) -> SendOutcome:
    chosen = package() if data is None else data
    return await harness.portal.send_order(with_access, order_id, chosen, sha256=sha256(chosen))


async def _is_not_held(harness: PortalHarness) -> None:
    """A portal forgets what it refused, or remembers nothing but the refusal."""
    answer = await harness.portal.order_status(OURS, ORDER)
    assert isinstance(answer, (UnknownToPortal, RefusedOnArrival))
    assert await harness.uploads(ORDER) == 0


async def test_a_new_order_is_accepted_and_then_received(harness: PortalHarness) -> None:
    outcome = await _send(harness)
    assert isinstance(outcome, Accepted)
    answer = await harness.portal.order_status(OURS, ORDER)
    assert answer == Received(outcome.reference, sha256(package()))


async def test_the_same_order_again_is_already_there(harness: PortalHarness) -> None:
    first, again = await _send(harness), await _send(harness)
    assert isinstance(first, Accepted)
    assert again == AlreadyHaveIt(first.reference)
    # Where the portal can be looked into, the bytes are not even sent again.
    assert await harness.uploads(ORDER) in {1, 2}


async def test_the_same_order_id_with_other_bytes_is_a_doubt_and_changes_nothing(
    harness: PortalHarness,
) -> None:
    await _send(harness)
    assert await _send(harness, package("2026-000099")) == InDoubt("portal-has-other-content")
    answer = await harness.portal.order_status(OURS, ORDER)
    assert isinstance(answer, Received)
    assert answer.sha256 == sha256(package())


async def test_what_is_no_package_is_refused(harness: PortalHarness) -> None:
    assert await _send(harness, b"not a zip") == Refused("not-a-zip")
    await _is_not_held(harness)


async def test_a_refused_order_is_not_kept(harness: PortalHarness) -> None:
    await harness.misbehave(refuse_orders="account-closed")
    assert await _send(harness) == Refused("account-closed")
    await _is_not_held(harness)


async def test_an_unavailable_portal_takes_nothing(harness: PortalHarness) -> None:
    await harness.misbehave(unavailable=1)
    outcome = await _send(harness)
    assert isinstance(outcome, NotSent)
    assert outcome.code == "portal-unavailable"
    assert await harness.portal.order_status(OURS, ORDER) == UnknownToPortal()


async def test_a_lost_answer_is_a_doubt_though_the_order_was_taken(
    harness: PortalHarness,
) -> None:
    await harness.misbehave(lost_answer=1)
    assert await _send(harness) == InDoubt("connection-lost")
    assert isinstance(await harness.portal.order_status(OURS, ORDER), Received)
    assert await harness.uploads(ORDER) == 1


async def test_a_dropped_request_is_a_doubt_and_asking_proves_absence(
    harness: PortalHarness,
) -> None:
    await harness.misbehave(drop_request=1)
    assert await _send(harness) == InDoubt("connection-lost")
    assert await harness.portal.order_status(OURS, ORDER) == UnknownToPortal()


async def test_an_arrival_names_every_invoice_and_refused_ones_with_their_code(
    harness: PortalHarness,
) -> None:
    await harness.misbehave(refuse_lines={"2026-000002": "address-unknown"})
    await _send(harness, package("2026-000001", "2026-000002"))
    await harness.let_arrive()
    answer = await harness.portal.order_status(OURS, ORDER)
    assert isinstance(answer, Arrived)
    assert [(line.invoice_number, line.accepted, line.code) for line in answer.lines] == [
        ("2026-000001", True, None),
        ("2026-000002", False, "address-unknown"),
    ]
    assert answer.arrived_at.tzinfo is not None


async def test_wrong_credentials_send_nothing_and_learn_nothing(harness: PortalHarness) -> None:
    wrong = replace(OURS, client_secret="wrong")
    assert await _send(harness, with_access=wrong) == NotSent("portal-refused-credentials")
    with pytest.raises(PortalSilentError) as silent:
        await harness.portal.order_status(wrong, ORDER)
    assert silent.value.code == "portal-refused-credentials"


async def test_one_practice_never_sees_anothers_orders_or_files(
    harness: PortalHarness,
) -> None:
    await _send(harness)
    await harness.let_arrive()
    await harness.publish(ACCOUNT)
    assert await harness.portal.order_status(THEIRS, ORDER) == UnknownToPortal()
    assert (await harness.portal.list_deb_files(THEIRS, after=0)).files == ()
    ours = await harness.portal.list_deb_files(OURS, after=0)
    with pytest.raises(PortalSilentError):
        await downloaded(harness.portal, THEIRS, ours.files[0])


async def test_credentials_of_one_practice_cannot_send_for_anothers_account(
    harness: PortalHarness,
) -> None:
    crossed = replace(THEIRS, account_number=ACCOUNT)
    assert await _send(harness, with_access=crossed) == Refused("wrong-account")


async def test_deb_files_are_listed_behind_a_position_and_downloaded_as_announced(
    harness: PortalHarness,
) -> None:
    await _send(harness, package("2026-000001"))
    await _send(harness, package("2026-000002", order_id=SECOND_ORDER), order_id=SECOND_ORDER)
    await harness.let_arrive()
    await harness.publish(ACCOUNT)
    first = await harness.portal.list_deb_files(OURS, after=0)
    assert (len(first.files), first.more) == (1, False)
    content = await downloaded(harness.portal, OURS, first.files[0])
    assert (len(content), sha256(content)) == (first.files[0].size_bytes, first.files[0].sha256)
    assert (await harness.portal.list_deb_files(OURS, after=first.files[0].position)).files == ()
