"""Writes the site's pages; everything on them came from outside, so everything is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from sandbox.debident.deb_files import OfferedFile
from sandbox.debident.site.words import LANGUAGES, Words
from shared.kernel.clock import SWISS_TIME
from shared.kernel.money import Money

PAGE_ITEMS = 50
STYLE = """
:root { --ink: #1d2733; --soft: #5b6b7b; --line: #d5dce3; --brand: #14507a; --pale: #f3f6f9; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: var(--ink); background: #fff; }
a { color: var(--brand); }
a[aria-current] { font-weight: 600; text-decoration: none; color: var(--ink); }
header { background: var(--brand); color: #fff; padding: .8rem 1.2rem; display: flex;
  flex-wrap: wrap; gap: .4rem 1.5rem; align-items: baseline; }
header strong { font-size: 1.15rem; }
header a[aria-current] { color: #fff; text-decoration: none; }
header small { opacity: .85; }
header a { color: #fff; }
header .right { margin-left: auto; display: flex; gap: 1rem; align-items: baseline; }
nav { background: var(--pale); border-bottom: 1px solid var(--line); padding: .5rem 1.2rem;
  display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; align-items: baseline; }
nav form { margin-left: auto; }
main { max-width: 68rem; margin: 0 auto; padding: 1rem 1.2rem 3rem; }
h1 { font-size: 1.4rem; margin: .6rem 0 1rem; }
h2 { font-size: 1.1rem; margin: 1.8rem 0 .6rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem 1.6rem .45rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: .88rem; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.state { display: inline-block; padding: 0 .55rem; border-radius: .8rem; background: #e8edf2; }
.arrived, .yes { background: #dcf1e2; color: #14532d; }
.refused, .no { background: #fbe3e1; color: #7f1d1d; }
.notice, .problem { padding: .7rem 1rem; border-left: 4px solid #2e7d4f; background: #eef8f1; }
.problem { border-color: #b3261e; background: #fdf0ef; }
.box { border: 1px solid var(--line); border-radius: .4rem; padding: 1rem 1.2rem;
  max-width: 34rem; }
label { display: block; font-weight: 600; margin: .8rem 0 .2rem; }
input { font: inherit; width: 100%; padding: .45rem .6rem; border: 1px solid #8a99a8;
  border-radius: .3rem; background: #fff; }
button { font: inherit; font-weight: 600; margin-top: 1rem; padding: .5rem 1.3rem; border: 0;
  border-radius: .3rem; background: var(--brand); color: #fff; cursor: pointer; }
button.plain { margin: 0; padding: 0; background: none; color: var(--brand); font-weight: 400;
  text-decoration: underline; }
:focus-visible { outline: 3px solid #e0a100; outline-offset: 2px; }
.help { color: var(--soft); margin: .3rem 0 0; }
.pages { display: flex; gap: 1.5rem; margin-top: 1rem; }
@media (max-width: 40rem) {
  dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .5rem; }
  header .right { margin-left: 0; }
  thead { position: absolute; left: -999rem; }
  tr { display: block; border-bottom: 1px solid var(--line); padding: .5rem 0; }
  td, td.number { display: grid; grid-template-columns: 9rem 1fr; text-align: left;
    border: 0; padding: .1rem 0; overflow-wrap: anywhere; }
  td::before { content: attr(data-name); color: var(--soft); }
}
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has: its language, and who is logged in (None: nobody)."""

    words: Words
    now: datetime
    account: str | None = None
    csrf: str = ""
    path: str = "/"


def login_page(frame: Frame, token: str, *, problem: str | None = None) -> str:
    """Return the log-in form."""
    words = frame.words
    body = f"""<form method="post" action="/login" class="box">
<h1>{_(words["log-in"])}</h1>
{_problem(words, problem)}
<input type="hidden" name="token" value="{_(token)}">
<label for="client-id">{_(words["client-id"])}</label>
<input id="client-id" name="client_id" autocomplete="username" maxlength="200" required>
<label for="secret">{_(words["secret"])}</label>
<input id="secret" name="secret" type="password" autocomplete="current-password"
 maxlength="500" required>
<button>{_(words["log-in"])}</button>
</form>"""
    return _whole(frame, words["log-in"], body)


def orders_page(frame: Frame, orders: Sequence[Mapping[str, Any]], *, page: int) -> str:
    """Return the list of orders; one more than a page holds tells that there are older ones."""
    words = frame.words
    rows = [
        (
            _link(f"/orders/{order['order_id']}", order["order_number"] or order["reference"]),
            _(order["reference"]),
            _state(words, order["state"]),
            _time(order["received_at"]),
            _time(order["arrived_at"]),
        )
        for order in orders[:PAGE_ITEMS]
    ]
    columns = ("number", "reference", "state", "received-at", "arrived-at")
    listed = _table(words, columns, rows) if rows else f"<p>{_(words['no-orders'])}</p>"
    more = _pages(words, "/", page, older=len(orders) > PAGE_ITEMS)
    return _whole(frame, words["orders"], f"<h1>{_(words['orders'])}</h1>{listed}{more}")


def upload_page(frame: Frame, *, problem: str | None = None) -> str:
    """Return the form by which an order is handed over."""
    words = frame.words
    body = f"""<h1>{_(words["hand-over"])}</h1>
{_problem(words, problem)}
<form method="post" action="/orders" enctype="multipart/form-data" class="box">
<input type="hidden" name="csrf" value="{_(frame.csrf)}">
<label for="package">{_(words["package"])}</label>
<input id="package" name="package" type="file" accept=".zip,application/zip"
 aria-describedby="package-help" required>
<p class="help" id="package-help">{_(words["package-help"])}</p>
<button>{_(words["send"])}</button>
</form>"""
    return _whole(frame, words["hand-over"], body)


def order_page(frame: Frame, order: Mapping[str, Any], *, notice: str | None = None) -> str:
    """Return one order with the answer for each of its invoices."""
    words = frame.words
    name = order["order_number"] or order["reference"]
    told = f'<p class="notice" role="status">{_(words[notice])}</p>' if notice else ""
    facts = _facts(
        (words["reference"], _(order["reference"])),
        (words["state"], _state(words, order["state"])),
        (words["reason"], _(words.of_code(order["refusal_code"]))),
        (words["received-at"], _time(order["received_at"])),
        (words["arrived-at"], _time(order["arrived_at"])),
        (words["communication"], _(order["communication"])),
        (words["fingerprint"], f"<code>{_(order['sha256'])}</code>"),
    )
    lines = [
        (
            _(line["invoice_number"]),
            _(line["debtor_number"]),
            _(Money(line["amount_rappen"])),
            _verdict(words, accepted=bool(line["accepted"])),
            _(words.of_code(line["code"])),
        )
        for line in order["lines"]
    ]
    columns = ("invoice", "debtor", "amount", "answer", "reason")
    answers = _table(words, columns, lines) if lines else f"<p>{_(words['no-lines'])}</p>"
    body = f"""{told}<h1>{_(words["order"])} {_(name)}</h1>{facts}
<h2>{_(words["invoices"])}</h2>{answers}{_credit_notes(words, order["credit_notes"])}
<p><a href="/">{_(words["back"])}</a></p>"""
    return _whole(frame, f"{words['order']} {name}", body)


def deb_files_page(frame: Frame, files: Sequence[OfferedFile], *, page: int) -> str:
    """Return the list of DEB files; one more than a page holds tells that there are older ones."""
    words = frame.words
    rows = [
        (
            _(file.name),
            _time(file.created_at),
            _(file.row_count),
            _(file.size),
            f'<a href="/deb-files/{_(file.file_id)}" download>{_(words["download"])}</a>',
        )
        for file in files[:PAGE_ITEMS]
    ]
    columns = ("deb-file", "created-at", "rows", "size", "download")
    listed = _table(words, columns, rows) if rows else f"<p>{_(words['no-deb-files'])}</p>"
    more = _pages(words, "/deb-files", page, older=len(files) > PAGE_ITEMS)
    return _whole(frame, words["deb-files"], f"<h1>{_(words['deb-files'])}</h1>{listed}{more}")


def problem_page(frame: Frame, problem: str) -> str:
    """Return a page that says what did not go."""
    words = frame.words
    body = f'<h1>{_(words["problem"])}</h1>{_problem(words, problem)}<p><a href="/">'
    return _whole(frame, words["problem"], f"{body}{_(words['back'])}</a></p>")


def _whole(frame: Frame, title: str, body: str) -> str:
    words = frame.words
    languages = " ".join(
        f'<a href="{_(frame.path)}?lang={one}" lang="{one}" hreflang="{one}"'
        f"{_current('true', one == words.language)}>{one.upper()}</a>"
        for one in LANGUAGES
    )
    account = f"<span>{_(words['account'])} {_(frame.account)}</span>" if frame.account else ""
    return f"""<!doctype html>
<html lang="{words.language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_(title)} – Debident</title><link rel="stylesheet" href="/site.css"></head><body>
<header><strong>{_(words["title"])}</strong> <small>{_(words["stand-in"])}</small>
<span class="right">{account}<small>{_(words["now"])} {_time(frame.now.isoformat())}</small>
<span aria-label="{_(words["language"])}" role="group">{languages}</span></span></header>
{_navigation(frame)}<main>{body}</main></body></html>"""


def _navigation(frame: Frame) -> str:
    if frame.account is None:
        return ""
    words = frame.words
    places = (("/", "orders"), ("/orders/new", "hand-over"), ("/deb-files", "deb-files"))
    links = " ".join(
        f'<a href="{path}"{_current("page", path == frame.path)}>{_(words[name])}</a>'
        for path, name in places
    )
    return f"""<nav>{links}<form method="post" action="/logout">
<input type="hidden" name="csrf" value="{_(frame.csrf)}">
<button class="plain">{_(words["log-out"])}</button></form></nav>"""


def _current(kind: str, is_current: bool) -> str:  # noqa: FBT001 - it is the whole point
    return f' aria-current="{kind}"' if is_current else ""


def _credit_notes(words: Words, notes: Sequence[Mapping[str, Any]]) -> str:
    if not notes:
        return ""
    rows = [
        (_(note["credit_note_number"]), _(note["invoice_number"]), _(Money(note["amount_rappen"])))
        for note in notes
    ]
    listed = _table(words, ("credit-note", "invoice", "amount"), rows)
    return f"<h2>{_(words['credit-notes'])}</h2>{listed}"


def _table(words: Words, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(
        f'<th scope="col"{_aligned(column)}>{_(words[column])}</th>' for column in columns
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td data-name="{_(words[column])}"{_aligned(column)}>{cell}</td>'
            for column, cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _aligned(column: str) -> str:
    return ' class="number"' if column in {"amount", "rows", "size"} else ""


def _facts(*facts: tuple[str, str]) -> str:
    shown = "".join(f"<dt>{_(name)}</dt><dd>{value}</dd>" for name, value in facts if value)
    return f"<dl>{shown}</dl>"


def _pages(words: Words, path: str, page: int, *, older: bool) -> str:
    newer_link = _link(f"{path}?page={page - 1}", words["newer"]) if page > 1 else ""
    older_link = _link(f"{path}?page={page + 1}", words["older"]) if older else ""
    return f'<p class="pages">{newer_link} {older_link}</p>' if newer_link or older_link else ""


def _problem(words: Words, problem: str | None) -> str:
    return f'<p class="problem" role="alert">{_(words[problem])}</p>' if problem else ""


def _state(words: Words, state: str) -> str:
    return f'<span class="state {_(state)}">{_(words[state])}</span>'


def _verdict(words: Words, *, accepted: bool) -> str:
    name, look = ("accepted", "yes") if accepted else ("line-refused", "no")
    return f'<span class="state {look}">{_(words[name])}</span>'


def _link(address: str, text: object) -> str:
    return f'<a href="{_(address)}">{_(text)}</a>'


def _time(value: str | None) -> str:
    """Return an instant in Swiss time, to the minute."""
    if value is None:
        return ""
    return f"{datetime.fromisoformat(value).astimezone(SWISS_TIME):%d.%m.%Y %H:%M}"


def _(value: object) -> str:
    return escape("" if value is None else str(value))
