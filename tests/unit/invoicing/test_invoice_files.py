"""An upload is one file or an archive; a bad entry is refused alone, a bad archive as a whole."""

from __future__ import annotations

import tracemalloc
import zipfile

import pytest

from services.invoicing.adapters.invoice_files import ArchiveLimits, ForumInvoiceFiles
from services.invoicing.domain.incoming import GivenFile, IncomingFile
from shared.kernel.errors import DomainError
from tests.unit.invoicing.requests import NUMBER, a_request, a_zip

GOOD = a_request()


def read(data: bytes, limits: ArchiveLimits | None = None) -> list[IncomingFile]:
    """Return the files of an upload."""
    return list(ForumInvoiceFiles(limits).read([GivenFile("one.xml", data)]))


def codes(files: list[IncomingFile]) -> dict[str, str | None]:
    """Return the first fault of each file, by name."""
    return {file.name: file.faults[0].code if file.faults else None for file in files}


def test_a_single_file_is_read_under_its_name() -> None:
    (file,) = read(GOOD)
    assert file.name == "one.xml"
    assert file.data == GOOD
    assert file.invoice is not None
    assert file.invoice.number == NUMBER


def test_an_archive_gives_its_good_files_and_refuses_each_bad_one() -> None:
    files = read(
        a_zip(
            {
                "good.xml": GOOD,
                "text.txt": b"hello",
                "inner.zip": a_zip({"good.xml": GOOD}),
                "folder/good.xml": GOOD,
                "folder/in/../up.xml": GOOD,
                "../up.xml": GOOD,
                "/above.xml": GOOD,
                "a//b.xml": GOOD,
                "C:/drive.xml": GOOD,
                "folder\\win.xml": GOOD,
                "last.xml": a_request(number="RE-2"),
            }
        )
    )
    assert codes(files) == {
        "good.xml": None,
        "text.txt": "not-well-formed",
        "inner.zip": "nested-archive",
        "folder/good.xml": None,
        "folder/in/../up.xml": "path",
        "../up.xml": "path",
        "/above.xml": "path",
        "a//b.xml": "path",
        "C:/drive.xml": "path",
        "folder\\win.xml": "path",
        "last.xml": None,
    }


def test_the_folders_of_an_archive_are_no_files() -> None:
    archive = a_zip({"export/": b"", "export/more/": b"", "export/more/1.xml": GOOD})
    assert codes(read(archive, ArchiveLimits(entries=1))) == {"export/more/1.xml": None}
    with pytest.raises(DomainError) as caught:
        read(a_zip({"export/": b""}))
    assert caught.value.code == "archive-entries"


def test_a_bomb_is_not_inflated_beyond_the_limit_of_a_file() -> None:
    limits = ArchiveLimits(file_bytes=100_000, total_bytes=10_000_000)
    archive = a_zip({"bomb.xml": b" " * 20_000_000, "good.xml": GOOD})
    tracemalloc.start()
    files = read(archive, limits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    assert codes(files) == {"bomb.xml": "file-too-large", "good.xml": None}


def test_a_file_that_inflates_far_too_much_is_refused() -> None:
    files = read(a_zip({"thin.xml": b"<a>" + b" " * 1_000_000 + b"</a>", "good.xml": GOOD}))
    assert codes(files) == {"thin.xml": "compression-ratio", "good.xml": None}


def test_an_archive_that_inflates_to_too_much_in_all_is_refused_as_a_whole() -> None:
    limits = ArchiveLimits(total_bytes=2 * len(GOOD))
    with pytest.raises(DomainError) as caught:
        read(a_zip({f"{n}.xml": GOOD for n in range(3)}), limits)
    assert caught.value.code == "archive-too-large"


@pytest.mark.parametrize("count", [0, 4])
def test_an_archive_has_a_number_of_entries(count: int) -> None:
    archive = a_zip({f"{n}.xml": GOOD for n in range(count)})
    with pytest.raises(DomainError) as caught:
        read(archive, ArchiveLimits(entries=3))
    assert caught.value.code == "archive-entries"


def test_a_damaged_archive_is_refused() -> None:
    with pytest.raises(DomainError) as caught:
        read(a_zip({"good.xml": GOOD})[:-30])
    assert caught.value.code == "archive-damaged"


def test_a_damaged_entry_is_refused_alone() -> None:
    data = bytearray(a_zip({"bad.xml": GOOD, "good.xml": GOOD}, compression=zipfile.ZIP_STORED))
    data[200] ^= 0xFF
    assert codes(read(bytes(data))) == {"bad.xml": "damaged", "good.xml": None}


def test_an_unusual_compression_is_refused() -> None:
    assert codes(read(a_zip({"a.xml": GOOD}, compression=zipfile.ZIP_LZMA))) == {
        "a.xml": "compression"
    }


def test_an_encrypted_entry_is_refused() -> None:
    data = bytearray(a_zip({"a.xml": GOOD}))
    central = data.rindex(b"PK\x01\x02")
    data[6] |= 1
    data[central + 8] |= 1
    assert codes(read(bytes(data))) == {"a.xml": "encrypted"}


def test_a_name_is_shown_without_control_characters() -> None:
    (file,) = read(a_zip({"a\x1b[2J.xml": GOOD}))
    assert file.name == "a?[2J.xml"


def several(*given: tuple[str, bytes], limits: ArchiveLimits | None = None) -> list[IncomingFile]:
    """Return the files of an upload of several."""
    return list(ForumInvoiceFiles(limits).read([GivenFile(*one) for one in given]))


def test_several_files_and_archives_are_read_in_order_under_names_that_tell_them_apart() -> None:
    files = several(
        ("one.xml", GOOD),
        ("a.zip", a_zip({"one.xml": GOOD, "../up.xml": GOOD})),
        ("text.txt", b"hello"),
        ("b.zip", a_zip({"one.xml": GOOD})),
    )
    assert [(one.name, one.faults[0].code if one.faults else None) for one in files] == [
        ("one.xml", None),
        ("a.zip/one.xml", None),
        ("a.zip/../up.xml", "path"),
        ("text.txt", "not-well-formed"),
        ("b.zip/one.xml", None),
    ]


def test_several_have_the_limits_of_one_archive() -> None:
    two = a_zip({"1.xml": GOOD, "2.xml": GOOD})
    assert len(several(("a.zip", two), ("b.xml", GOOD), limits=ArchiveLimits(entries=3))) == 3
    for given in ([("a.zip", two), ("b.xml", GOOD)], [("b.xml", GOOD), ("a.zip", two)]):
        with pytest.raises(DomainError) as caught:
            several(*given, limits=ArchiveLimits(entries=2))
        assert caught.value.code == "archive-entries"
        with pytest.raises(DomainError) as caught:
            several(*given, ("c.zip", two), limits=ArchiveLimits(total_bytes=4 * len(GOOD)))
        assert caught.value.code == "archive-too-large"


def test_a_damaged_archive_among_several_is_named() -> None:
    with pytest.raises(DomainError, match=r"The archive cut\.zip is damaged") as caught:
        several(("good.xml", GOOD), ("cut.zip", a_zip({"1.xml": GOOD})[:-30]))
    assert caught.value.code == "archive-damaged"
