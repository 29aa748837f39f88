"""The portal's site: only one's own orders, only our own forms, clear words for mistakes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from uuid import uuid4

import pytest

from tests.contracts.portal.clerk import Clerk, SeenPage, a_clerk
from tests.contracts.portal.harness import SandboxHarness, downloaded
from tests.unit.debident_gateway.builders import ACCOUNT, ORDER, access, package

STRANGER = "CMD-9999"


@pytest.fixture
async def clerk(sandbox: SandboxHarness) -> AsyncIterator[Clerk]:
    """A clerk of the practice, logged in."""
    await sandbox.register(access())
    async with a_clerk(sandbox.base_url) as clerk:
        await clerk.log_in("client-a", "s3cret")
        yield clerk


async def test_a_clerk_logs_in_uploads_and_sees_the_answer_for_each_invoice(
    sandbox: SandboxHarness, clerk: Clerk
) -> None:
    await sandbox.misbehave(refuse_lines={"2026-000002": "address-unknown"})
    taken = await clerk.upload(package("2026-000001", "2026-000002"))
    assert (taken.status, taken.path) == (200, f"/orders/{ORDER}")
    assert taken.said("status").startswith("L'ordre est déposé.")
    assert (await clerk.see("/")).rows[0][2] == "Reçu, pas encore arrivé"
    await sandbox.let_arrive()
    page = await clerk.see(f"/orders/{ORDER}?lang=de")
    assert [row[0:1] + row[3:] for row in page.rows] == [
        ["2026-000001", "Vom Factor übernommen", ""],
        ["2026-000002", "Abgelehnt", "Adresse unbekannt (address-unknown)"],
    ]
    listed = await clerk.see("/")
    assert [row[2] for row in listed.rows] == ["Eingetroffen"]


async def test_deb_files_are_listed_and_downloaded_byte_for_byte(
    sandbox: SandboxHarness, clerk: Clerk
) -> None:
    await clerk.upload(package())
    await sandbox.let_arrive()
    await sandbox.publish(ACCOUNT)
    [row] = (await clerk.see("/deb-files")).rows
    assert row[0] == f"{ACCOUNT}-000001.deb"
    file = await clerk.see(f"/deb-files/{ACCOUNT}-000001")
    page = await sandbox.portal.list_deb_files(access(), after=0)
    assert file.raw == await downloaded(sandbox.portal, access(), page.files[0])
    assert "attachment" in file.headers["Content-Disposition"]


async def test_the_same_order_again_is_said_to_be_here_and_other_content_to_be_a_conflict(
    clerk: Clerk,
) -> None:
    await clerk.upload(package())
    assert (await clerk.upload(package())).said("status").startswith("Cet ordre est déjà là")
    conflict = await clerk.upload(package("2026-000009"))
    assert (conflict.status, conflict.said("alert")) == (
        409,
        "Cet ordre est déjà là, avec un autre contenu. Appelez le factor.",
    )


async def test_a_wrong_password_is_refused_without_saying_which_and_only_so_often(
    sandbox: SandboxHarness,
) -> None:
    await sandbox.register(access())
    async with a_clerk(sandbox.base_url) as clerk:
        said = set()
        for name in ("client-a", "nobody"):
            page = await clerk.log_in(name, "wrong")
            assert page.status == 403
            said.add(page.said("alert"))
        assert said == {"L'identifiant ou le mot de passe n'est pas juste."}
        for _ in range(9):
            await clerk.log_in("client-a", "wrong")
        assert (await clerk.log_in("client-a", "s3cret")).status == 429
        assert (await clerk.see("/")).path == "/login"


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"", 422, "Choisissez un fichier."),
        (b"<html>", 422, "Ce fichier n'est pas un fichier ZIP."),
        (package()[:200], 422, "Ce fichier ZIP n'est pas un ordre, ou il est abîmé."),
        (package(account=STRANGER), 422, "Cet ordre est celui d'un autre compte."),
        (b"PK\x03\x04" + bytes(5_000_500), 413, "Le fichier est trop grand."),
    ],
)
async def test_an_upload_that_is_no_order_of_ours_says_why_and_takes_nothing(
    clerk: Clerk, data: bytes, status: int, says: str
) -> None:
    page = await clerk.upload(data)
    assert page.status == status
    assert page.said("alert").startswith(says)
    assert "Traceback" not in page.html
    assert (await clerk.see("/")).rows == []


async def test_an_upload_far_beyond_the_limit_is_refused_before_it_is_read(clerk: Clerk) -> None:
    page = await clerk.upload(bytes(5_100_000))
    assert (page.status, page.said("alert")) == (413, "Le fichier est trop grand.")


async def test_another_accounts_order_and_file_answer_as_if_they_did_not_exist(
    sandbox: SandboxHarness, clerk: Clerk
) -> None:
    await clerk.upload(package())
    await sandbox.let_arrive()
    await sandbox.publish(ACCOUNT)
    await sandbox.admin(
        "PUT", "/clients/stranger", {"client_secret": "other", "account_number": STRANGER}
    )
    async with a_clerk(sandbox.base_url) as stranger:
        await stranger.log_in("stranger", "other")
        for theirs, none in (
            (f"/orders/{ORDER}", f"/orders/{uuid4()}"),
            (f"/deb-files/{ACCOUNT}-000001", "/deb-files/x"),
        ):
            seen, unseen = await stranger.see(theirs), await stranger.see(none)
            assert (seen.status, unseen.status) == (404, 404)
            assert seen.said("alert") == unseen.said("alert")
            assert ACCOUNT not in seen.html.replace(theirs, "")
        assert (await stranger.see("/")).rows == []
        assert (await stranger.see("/deb-files")).rows == []


async def test_a_form_that_is_not_from_our_own_page_does_nothing(
    sandbox: SandboxHarness, clerk: Clerk
) -> None:
    assert (await clerk.upload(package(), csrf="guessed")).status == 403
    assert (await clerk.see("/")).rows == []
    assert (await clerk.send("/logout", {"csrf": "guessed"})).status == 403
    assert (await clerk.see("/")).path == "/"
    async with a_clerk(sandbox.base_url) as other:
        form = {"token": "0" * 64, "client_id": "client-a", "secret": "s3cret"}
        assert (await other.send("/login", form)).status == 403


async def test_logging_out_ends_the_session(clerk: Clerk) -> None:
    csrf = (await clerk.see("/")).value("csrf")
    assert (await clerk.send("/logout", {"csrf": csrf})).path == "/login"
    assert (await clerk.see("/deb-files")).path == "/login"


async def test_every_page_is_strict_and_its_cookies_are_out_of_reach(
    sandbox: SandboxHarness,
) -> None:
    await sandbox.register(access())
    async with a_clerk(sandbox.base_url) as clerk:
        login = await clerk.see("/login?lang=de")
        assert "Anmelden" in login.html
        await clerk.log_in("client-a", "s3cret")
        for path in ("/", "/orders/new", "/deb-files", "/nothing", "/site.css"):
            page = await clerk.see(path)
            assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert page.headers["Cache-Control"] == "no-store"
            assert "<script" not in page.html
        cookies = list(clerk.cookies())
        assert {cookie.key for cookie in cookies} >= {"debident_session", "debident_language"}
        for cookie in cookies:
            assert cookie["httponly"]
            assert cookie["samesite"] == "Strict"


async def test_every_field_has_a_label_every_column_a_header_and_every_page_a_language(
    sandbox: SandboxHarness, clerk: Clerk
) -> None:
    await clerk.upload(package())
    await sandbox.let_arrive()
    await sandbox.publish(ACCOUNT)
    for path in ("/", "/orders/new", f"/orders/{ORDER}", "/deb-files", "/nothing"):
        _assert_accessible(await clerk.see(path))
    async with a_clerk(sandbox.base_url) as other:
        _assert_accessible(await other.see("/login"))


async def test_what_came_from_outside_is_shown_and_not_obeyed(
    sandbox: SandboxHarness, clerk: Clerk
) -> None:
    await sandbox.misbehave(refuse_lines={"2026-000001": "<script>alert(1)</script>"})
    await clerk.upload(package())
    await sandbox.let_arrive()
    page = await clerk.see(f"/orders/{ORDER}?lang=%3Cscript%3E&said=%3Cscript%3E")
    assert "<script" not in page.html
    assert page.rows[0][-1] == "<script>alert(1)</script>"


class _Structure(HTMLParser):
    """Collects what a page must have for people who do not see it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.labelled: set[str] = set()
        self.fields: set[str] = set()
        self.headers = 0
        self.tables = 0
        self.language = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = found.get("lang", "")
        elif tag == "label":
            self.labelled.add(found["for"])
        elif tag == "input" and found.get("type") != "hidden":
            self.fields.add(found["id"])
        elif tag == "table":
            self.tables += 1
        elif tag == "th":
            assert found["scope"] == "col"
            self.headers += 1


def _assert_accessible(page: SeenPage) -> None:
    structure = _Structure(page.html)
    assert structure.language in {"fr", "de"}
    assert structure.fields == structure.labelled
    assert structure.headers >= structure.tables
    assert 'name="viewport"' in page.html
