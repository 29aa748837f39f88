"""The part of the API that explains a DEB file before anything is done with it, and the layouts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import Field

from services.reconciliation.domain.deb.layout import Layout, LayoutError, RecordType
from services.reconciliation.entrypoints.deb_findings import Finding, Linter, shown
from services.reconciliation.views import deb_life
from shared.contracts.envelope import WireMoney
from shared.kernel.errors import DomainError, NotFoundError
from shared.kernel.money import Money
from shared.web.endpoints import EVERY_ROLE, ApiModel, Call, Endpoint, Reply
from shared.web.paging import CURSOR_PROBLEM, Page, PageQuery, Totals, cursor, read_cursor
from shared.web.spool import Spool

LAYOUT_BYTES_MAX = 32_768
LINTED_BYTES_MAX = 256 * 1024 * 1024
_WORDS_CHARACTERS = 200
_AMOUNT_DIGITS_MAX = 15
LayoutReader = Callable[[str], Layout]


class LintQuery(ApiModel):
    """By which layout the file is read; exactly one of the two."""

    layout: Annotated[
        str | None, Field(max_length=60, description="The name of a layout that is known")
    ] = None
    layout_bytes: Annotated[
        int | None,
        Field(
            ge=1,
            le=LAYOUT_BYTES_MAX,
            description="So many bytes at the beginning of the body are the layout, as TOML in"
            " UTF-8; the file is what follows",
        ),
    ] = None
    faults_max: Annotated[int, Field(ge=1, le=1000, description="More are only counted")] = 100


class LintFault(ApiModel):
    """One thing that does not fit.

    `field` null: the whole file cannot be booked for it, and was read no further. `expected`: in
    words. `excerpt`: the line around it, and a line that points at it.
    """

    line: int | None
    column: int | None
    field: str | None
    reason: str
    expected: str
    found: str
    excerpt: list[str]


class LintKind(ApiModel):
    """The rows of one kind; `?`: theirs cannot be read. `amount` null: beyond any amount."""

    kind: str
    rows: int
    amount: WireMoney | None


class LintReply(ApiModel):
    """Whether a file fits a layout, and what does not; nothing of the file is kept."""

    layout: str
    fits: bool
    rows: int
    rows_that_fit: int
    faults: list[LintFault]
    faults_left_out: int
    kinds: list[LintKind]


class LayoutReply(ApiModel):
    """A layout by which DEB files can be read; `shipped`: it is not the office's own."""

    name: str
    shipped: bool
    shape: Literal["fixed", "delimited"]
    encoding: str
    headings: bool
    records: list[Literal["header", "row", "sum", "trailer"]]
    fields: list[str]


class LayoutList(Page):
    """The layouts, by name."""

    items: list[LayoutReply]


class LintOperations:
    """Explains files; knows no practice."""

    def __init__(
        self, layouts: Mapping[str, Layout], shipped: frozenset[str], read: LayoutReader
    ) -> None:
        self._layouts = layouts
        self._shipped = shipped
        self._read = read

    async def layouts(self, call: Call) -> Reply:
        """Answer which layouts are known."""
        query = call.query_as(PageQuery)
        (after,) = read_cursor(query.after, str) or ("",)
        behind = [name for name in sorted(self._layouts) if name > after]
        page = behind[: query.limit]
        shows_totals = query.totals == "exact" or (query.totals == "first-page" and not after)
        return Reply(
            LayoutList(
                items=[self._layout_reply(self._layouts[name]) for name in page],
                next=cursor(page[-1]) if len(behind) > len(page) else None,
                totals=Totals(count=len(self._layouts), exact=True) if shows_totals else None,
            )
        )

    async def lint(self, call: Call) -> Reply:
        """Answer what of a file does not fit; it is read in pieces and then let go."""
        query, upload = call.query_as(LintQuery), call.upload
        assert upload is not None  # noqa: S101 - the endpoint spools
        await deb_life.wait_patiently(call.connection)
        layout = await self._chosen(query, upload)
        linter, report = Linter(layout), _Report(query.faults_max)
        skipped = query.layout_bytes or 0
        async for piece in upload.pieces():
            await asyncio.to_thread(report.take, linter, piece[skipped:])
            skipped = max(skipped - len(piece), 0)
            if linter.fault is not None:
                break
        report.end(linter)
        return Reply(_reply(layout, linter, report))

    async def _chosen(self, query: LintQuery, upload: Spool) -> Layout:
        """Return the layout that is named, or that the body begins with.

        Raises:
            NotFoundError: none has this name.
            DomainError: none, or two, are given, or the one given cannot be used.
        """
        if (query.layout is None) == (query.layout_bytes is None):
            words = "Name a layout, or send one: give either `layout` or `layout_bytes`."
            raise DomainError(words, code="layout-not-chosen", field="layout")
        if query.layout is not None:
            if query.layout not in self._layouts:
                words = "No layout has this name; GET /v1/deb-layouts lists those there are."
                raise NotFoundError(words, code="layout-not-found", field="layout")
            return self._layouts[query.layout]
        try:
            return await asyncio.to_thread(self._read, _layout_text(query, upload))
        except LayoutError as error:
            words = f"The layout cannot be used: {shown(str(error))[:_WORDS_CHARACTERS]}"
            raise DomainError(words, code="layout-unusable", field="layout_bytes") from error

    def _layout_reply(self, layout: Layout) -> LayoutReply:
        types = {record.type for record in layout.records}
        return LayoutReply(
            name=layout.name,
            shipped=layout.name in self._shipped,
            shape=layout.shape.value,
            encoding=layout.encoding,
            headings=layout.has_headings,
            records=[one.value for one in RecordType if one in types],
            fields=sorted(layout.row.names()),
        )


def _layout_text(query: LintQuery, upload: Spool) -> str:
    """Return the layout that the body begins with.

    Raises:
        LayoutError: the body is too short, or its beginning is no text.
    """
    size = query.layout_bytes or 0
    if upload.size_bytes < size:
        raise LayoutError("the body is shorter than `layout_bytes`")
    try:
        return upload.beginning[:size].decode()
    except UnicodeDecodeError as error:
        raise LayoutError("it is not UTF-8; is `layout_bytes` its length in bytes?") from error


class _Report:
    """The first findings, and how many more there are."""

    def __init__(self, faults_max: int) -> None:
        self._faults_max = faults_max
        self.faults: list[Finding] = []
        self.left_out = 0

    def take(self, linter: Linter, piece: bytes) -> None:
        for finding in linter.feed(piece):
            self._add(finding, linter)

    def end(self, linter: Linter) -> None:
        for finding in linter.finish():
            self._add(finding, linter)

    def _add(self, finding: Finding, linter: Linter) -> None:
        # What holds the whole file is always told, in the place of the last one if need be.
        if len(self.faults) >= self._faults_max:
            self.left_out += 1
            if finding is not linter.fault:
                return
            self.faults.pop()
        self.faults.append(finding)


def _reply(layout: Layout, linter: Linter, report: _Report) -> LintReply:
    return LintReply(
        layout=layout.name,
        fits=linter.fits,
        rows=linter.rows,
        rows_that_fit=linter.rows - linter.bad_rows,
        faults=[
            LintFault(
                line=one.line,
                column=one.column,
                field=one.field,
                reason=one.reason,
                expected=one.words[:_WORDS_CHARACTERS],
                found=one.found[:_WORDS_CHARACTERS],
                excerpt=list(one.excerpt),
            )
            for one in report.faults
        ],
        faults_left_out=report.left_out,
        kinds=[
            LintKind(kind=shown(name), rows=kind.rows, amount=_amount(kind.sum))
            for name, kind in sorted(linter.kinds.items())
        ],
    )


def _amount(money: Money) -> WireMoney | None:
    return WireMoney.of(money) if len(str(money)) <= _AMOUNT_DIGITS_MAX else None


def lint_endpoints(
    layouts: Mapping[str, Layout], shipped: frozenset[str], read: LayoutReader
) -> list[Endpoint]:
    """Return this part of the API's table.

    Args:
        shipped: the names of the layouts that are not the office's own.
        read: reads a layout from TOML, or raises LayoutError.
    """
    operations = LintOperations(layouts, shipped, read)
    return [
        Endpoint(
            method="GET",
            path="/v1/deb-layouts",
            operation_id="listDebLayouts",
            summary="The layouts by which DEB files can be read",
            handler=operations.layouts,
            roles=EVERY_ROLE,
            query=PageQuery,
            response=LayoutList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="POST",
            path="/v1/deb-lint",
            operation_id="lintDebFile",
            summary="What of a DEB file does not fit a layout, by line and column; nothing is kept",
            handler=operations.lint,
            roles=EVERY_ROLE,
            query=LintQuery,
            response=LintReply,
            request_media_type="application/octet-stream",
            max_body_bytes=LINTED_BYTES_MAX,
            spools=True,
            asks_only=True,
            problem_codes=("layout-not-chosen", "layout-not-found", "layout-unusable"),
        ),
    ]
