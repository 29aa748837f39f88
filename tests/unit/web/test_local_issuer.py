"""The local issuer keeps one private key, to itself."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.web.local_issuer import KEY_FILE, LocalIssuer

ISSUER = "http://127.0.0.1:8091"


def test_the_key_is_created_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "keys"

    first = LocalIssuer.open(folder, issuer=ISSUER)
    again = LocalIssuer.open(folder, issuer=ISSUER)

    assert first.jwks() == again.jwks()
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_many_who_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        issuers = list(
            pool.map(lambda _: LocalIssuer.open(tmp_path / "keys", issuer=ISSUER), range(8))
        )

    assert len({issuer.key_id for issuer in issuers}) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == [KEY_FILE]


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    LocalIssuer.open(tmp_path, issuer=ISSUER)
    (tmp_path / KEY_FILE).chmod(0o640)

    with pytest.raises(PermissionError, match="0600"):
        LocalIssuer.open(tmp_path, issuer=ISSUER)


def test_the_key_set_holds_the_public_half_only() -> None:
    (member,) = LocalIssuer.in_memory(issuer=ISSUER).jwks()["keys"]

    assert set(member) == {"kty", "crv", "x", "kid", "use", "alg"}
