import io
import resource
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from sync_pipelines.lib import excel, sheet_xml
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.hitss import archive, book_faults
from sync_pipelines.sandbox.hitss.export import ExportProfile, generate
from sync_pipelines.sandbox.hitss.workbook import Book, ErrorCell, Formula, write_book

STAMP = datetime(2025, 9, 21)
SHEET = "xl/worksheets/sheet1.xml"
LANCAMENTO = 17
ROWS = generate(ExportProfile(scale=0.02))
BOOK = Book(ROWS)


def packed(book: Book = BOOK, stamp: datetime = STAMP) -> bytes:
    target = io.BytesIO()
    write_book(book, target, stamped=stamp)
    return target.getvalue()


def put(folder: Path, data: bytes) -> Path:
    path = folder / "book.xlsx"
    path.write_bytes(data)
    return path


def rewritten(data: bytes, **changes: Callable[[bytes], bytes] | None) -> bytes:
    """The archive with members changed or, with None, left out; `/` is written `__` and `.` is `_dot_`."""
    wanted = {name.replace("__", "/").replace("_dot_", "."): change for name, change in changes.items()}
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            change = wanted.get(name, bytes)
            if change is not None:
                new.writestr(name, change(old.read(name)))
    return target.getvalue()


def test_a_good_workbook_has_its_sheet_and_no_marks(tmp_path: Path) -> None:
    found = excel.inspect(put(tmp_path, packed()))
    assert found.sheets == ("Dados",)
    assert not found.marked


def test_rows_come_with_their_types(tmp_path: Path) -> None:
    header, *rows = excel.rows(put(tmp_path, packed()), "Dados")
    assert len(header) == 19
    assert [["" if cell is None else cell for cell in row] for row in ROWS] == [list(row) for row in rows]


def test_the_digest_sees_a_part_whose_name_is_spelt_otherwise(tmp_path: Path) -> None:
    """Readers find xl/SharedStrings.xml as well, as some writers spell it."""

    def spelt(change: Callable[[bytes], bytes]) -> bytes:
        target = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(packed())) as old,
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for name in old.namelist():
                part = old.read(name).replace(b"sharedStrings.xml", b"SharedStrings.xml")
                is_texts = name == "xl/sharedStrings.xml"
                new.writestr("xl/SharedStrings.xml" if is_texts else name, change(part) if is_texts else part)
        return target.getvalue()

    one, other = (put(tmp_path, spelt(bytes)), excel.digest(put(tmp_path, spelt(bytes))))
    texts = list(excel.rows(one, "Dados"))
    changed = put(tmp_path, spelt(lambda part: part.replace(b"RECEITA", b"RECEITX")))
    assert list(excel.rows(changed, "Dados")) != texts
    assert excel.digest(changed) != other


def test_the_digest_forgets_time_stamps_and_sees_data(tmp_path: Path) -> None:
    one = excel.digest(put(tmp_path, packed()))
    other = excel.digest(put(tmp_path, packed(stamp=datetime(2030, 1, 1, 12))))
    changed = excel.digest(put(tmp_path, packed(Book(ROWS[1:]))))
    assert one == other != changed


@pytest.mark.parametrize(
    ("book", "mark"),
    [
        (book_faults.formula(BOOK, row=3), "a formula"),
        (book_faults.error_cell(BOOK, row=3), "an error value"),
        (book_faults.error_cell(BOOK, row=3, code="#N/A"), "an error value"),
    ],
)
def test_cells_that_are_no_plain_values_are_named(tmp_path: Path, book: Book, mark: str) -> None:
    assert excel.inspect(put(tmp_path, packed(book))).marked == {"Dados": {(5, LANCAMENTO): mark}}


@pytest.mark.parametrize(
    ("cell", "mark"),
    [
        (b'<c r="Q2" t="b"><v>1</v></c>', "a logical value"),
        (b"<c r='Q2' t='b'><v>1</v></c>", "a logical value"),
        (b"<c r='Q2' t='e'><v>#REF!</v></c>", "an error value"),
        (b'<c r="Q2"><f t="shared" si="0"/><v>1</v></c>', "a formula"),
        (b'<c r="Q2"><f>1+1</f><v>2</v></c>', "a formula"),
    ],
)
def test_marks_are_found_however_they_are_written(tmp_path: Path, cell: bytes, mark: str) -> None:
    def change(xml: bytes) -> bytes:
        start = xml.index(b'<c r="Q2"')
        return xml[:start] + cell + xml[xml.index(b"</c>", start) + 4 :]

    data = rewritten(packed(), xl__worksheets__sheet1_dot_xml=change)
    assert excel.inspect(put(tmp_path, data)).marked == {"Dados": {(2, LANCAMENTO): mark}}


def edited(**changes: bytes) -> bytes:
    """The workbook with the second data row as `row`, or with another piece of its sheet as given."""

    def change(xml: bytes) -> bytes:
        start = xml.index(b'<row r="3"')
        end = xml.index(b"</row>", start) + 6
        return xml[:start] + changes["row"].replace(b"{row}", xml[start:end]) + xml[end:]

    return rewritten(packed(), xl__worksheets__sheet1_dot_xml=change)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (b"{row}{row}", "row 3 comes twice"),
        (b'<row r="9"><c r="A9"><v>1</v></c></row>{row}', "row 3 comes after row 9"),
        (b'<row r="3"><c r="A3"><v>1</v></c><c r="A3"><v>2</v></c></row>', "row 3, column 1 comes twice"),
        (b'<row r="3"><c r="B3"><v>1</v></c><c r="A3"><v>2</v></c></row>', "column 1 comes twice or out of"),
        (
            b'<row r="3"><c r="A3"><v>1</v></c><c><v>2</v></c><c r="B3"><v>3</v></c></row>',
            "column 2 comes twice",
        ),
        (b'<row r="3"><c r="A2"><v>1</v></c></row>', "the cell A2 stands in row 3"),
        (b'<row r="3"><c r="A3"><v>1</v><v>2</v></c></row>', "row 3, column 1 holds two values"),
        (b'<row r="3"><c r="A3" t="s"><v>-1</v></c></row>', "names a text that does not exist"),
        (b"{row}</sheetData><sheetData>", "its rows stand in two tables"),
        (b"<row><c><v>1</v></c></row>{row}", "row 3 comes twice"),
        (
            b'<row r="3" spans="1:3"><c r="a3"><v>1</v></c><c r="A3"><v>2</v></c></row>',
            "column 1 comes twice",
        ),
    ],
)
def test_a_sheet_of_which_a_reader_would_lose_something_is_refused(
    tmp_path: Path, row: bytes, sentence: str
) -> None:
    with pytest.raises(PermanentError, match=f"'Dados' is damaged: .*{sentence}.*Export it again"):
        excel.inspect(put(tmp_path, edited(row=row)))


@pytest.mark.parametrize(
    "row",
    [
        b'<row r="3" spans="1:19" customHeight="1"><c r="A3" s="3" t="s"><v>1</v></c></row>',
        b'<row r="3"/>',
        b"<row><c><v>1</v></c><c/></row>",
        b'<row r="3">\n<c r="A3">\n<v>-1</v>\n</c>\n</row>\n',
        b'<row r="3"><c r="A3" t="inlineStr"><is><t>TEXTO COM - MAI\xc3\x9aSCULAS</t></is></c></row>',
    ],
)
def test_a_row_that_is_written_otherwise_is_no_damage(tmp_path: Path, row: bytes) -> None:
    path = put(tmp_path, edited(row=row))
    assert not excel.inspect(path).marked.get("Dados")
    assert len(list(excel.rows(path, "Dados"))) == len(ROWS) + 1


@pytest.mark.parametrize("size", [97, 1000, 1 << 20])
def test_the_usual_sheet_needs_no_slow_look_wherever_its_chunks_end(size: int) -> None:
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        xml = archive.read(SHEET)
    assert sheet_xml.is_in_order(xml[start : start + size] for start in range(0, len(xml), size))


def test_a_smaller_dimension_hides_no_row(tmp_path: Path) -> None:
    data = rewritten(
        packed(), xl__worksheets__sheet1_dot_xml=lambda xml: xml.replace(b'ref="A1:S', b'ref="A1:B2" x="', 1)
    )
    assert len(list(excel.rows(put(tmp_path, data), "Dados"))) == len(ROWS) + 1


def test_a_text_that_does_not_exist_is_a_sentence(tmp_path: Path) -> None:
    path = put(tmp_path, edited(row=b'<row r="3"><c r="A3" t="s"><v>999999</v></c></row>'))
    with pytest.raises(PermanentError, match="cannot be read"):
        list(excel.rows(path, "Dados"))


def test_every_marked_cell_is_found_across_the_borders_of_chunks(tmp_path: Path) -> None:
    wide = [(*row[:16], Formula("A1", 1.0), *row[17:]) for row in ROWS * 12]
    wide[5] = (*wide[5][:16], ErrorCell("#REF!"), *wide[5][17:])
    marked = excel.inspect(put(tmp_path, packed(Book(wide)))).marked["Dados"]
    assert {place for place, mark in marked.items() if mark == "a formula"} == {
        (row, LANCAMENTO) for row in range(2, len(wide) + 2) if row != 7
    }
    assert marked[7, LANCAMENTO] == "an error value"


@pytest.mark.parametrize(
    ("book", "place"),
    [
        (book_faults.stray_last_row(BOOK), "row 1048576, column 1"),
        (book_faults.stray_far_column(BOOK, row=4), "row 6, column 16384"),
    ],
)
def test_a_stray_cell_is_named_before_a_reader_allocates_for_it(
    tmp_path: Path, book: Book, place: str
) -> None:
    with pytest.raises(PermanentError, match=f"stray cell in {place}"):
        excel.inspect(put(tmp_path, packed(book)))


def test_a_stray_cell_is_found_whatever_quotes_its_xml_has(tmp_path: Path) -> None:
    data = rewritten(
        packed(book_faults.stray_last_row(BOOK)),
        xl__worksheets__sheet1_dot_xml=lambda xml: xml.replace(b'r="1048576"', b"r='1048576'"),
    )
    with pytest.raises(PermanentError, match="stray cell"):
        excel.inspect(put(tmp_path, data))


@pytest.mark.slow
def test_hundreds_of_thousands_of_empty_rows_are_no_data(tmp_path: Path) -> None:
    path = put(tmp_path, packed(book_faults.million_empty_rows(Book(ROWS[:20]), 600_000)))
    assert not any(excel.inspect(path).marked.values())
    assert len([row for row in excel.rows(path, "Dados") if any(row)]) == 21


def test_a_zip_bomb_is_refused_at_once_and_in_little_memory(tmp_path: Path) -> None:
    path = put(tmp_path, archive.zip_bomb(packed(Book(ROWS[:5]))))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(PermanentError, match="would inflate to 3072 MiB"):
        excel.inspect(path)
    assert time.process_time() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_a_part_that_inflates_too_well_is_a_bomb_of_any_size(tmp_path: Path) -> None:
    path = put(tmp_path, archive.zip_bomb(packed(Book(ROWS[:5])), inflated=40 << 20))
    with pytest.raises(PermanentError, match=r"sheet1\.xml inflates \d+ times"):
        excel.inspect(path)


def _lying(data: bytes) -> bytes:
    """The bomb with a directory that claims a hundred kilobytes."""
    bomb = bytearray(archive.zip_bomb(data, inflated=40 << 20))
    with zipfile.ZipFile(io.BytesIO(bytes(bomb))) as whole:
        size = whole.getinfo(SHEET).file_size
    return bytes(bomb).replace(size.to_bytes(4, "little"), (100_000).to_bytes(4, "little"))


def _flipped(data: bytes) -> bytes:
    """One part's deflated bytes spoilt in the middle, everything around it whole."""
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        info = whole.getinfo(SHEET)
    start = info.header_offset + 30 + len(SHEET) + info.compress_size // 2
    spoilt = bytearray(data)
    spoilt[start : start + 64] = bytes(byte ^ 0xFF for byte in spoilt[start : start + 64])
    return bytes(spoilt)


def _deflate_garbage(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        info = whole.getinfo(SHEET)
    start = info.header_offset + 30 + len(SHEET)
    return data[:start] + b"\xff" * 64 + data[start + 64 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-30],
        lambda data: b"PK\x03\x04" + bytes(200),
        lambda _: b"",
        _lying,
        _flipped,
        _deflate_garbage,
    ],
    ids=["cut", "no end", "zeros", "empty", "lying directory", "spoilt part", "no deflate stream"],
)
def test_a_damaged_archive_is_a_sentence(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(PermanentError, match="The workbook"):
        excel.inspect(put(tmp_path, damage(packed())))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"xl__workbook_dot_xml": None}, "not an Excel workbook"),
        ({"xl__worksheets__sheet1_dot_xml": None}, "not an Excel workbook"),
        ({"xl__workbook_dot_xml": lambda xml: xml[:-20]}, "The workbook"),
        ({"xl__worksheets__sheet1_dot_xml": lambda xml: xml[:-200] + b"<f></g>"}, "not well-formed"),
    ],
)
def test_what_is_no_workbook_inside_is_a_sentence(
    tmp_path: Path, changes: dict[str, Callable[[bytes], bytes] | None], sentence: str
) -> None:
    with pytest.raises(PermanentError, match=sentence):
        excel.inspect(put(tmp_path, rewritten(packed(), **changes)))


@pytest.mark.parametrize("part", ["xl__worksheets__sheet1_dot_xml", "xl__workbook_dot_xml"])
def test_entities_are_refused(tmp_path: Path, part: str) -> None:
    doctype = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    data = rewritten(packed(), **{part: lambda xml: xml.replace(b"?>", b"?>" + doctype, 1)})
    with pytest.raises(PermanentError, match="XML entities"):
        excel.inspect(put(tmp_path, data))


def test_an_entity_in_a_shared_text_is_never_expanded(tmp_path: Path) -> None:
    doctype = b'<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'

    def change(xml: bytes) -> bytes:
        return xml.replace(b"?>", b"?>" + doctype, 1).replace(b"<t>Relatorio", b"<t>&secret;Relatorio")

    path = put(tmp_path, rewritten(packed(), xl__sharedStrings_dot_xml=change))
    try:
        excel.inspect(path)
        found = next(iter(excel.rows(path, "Dados")))
    except PermanentError:
        return
    assert not any("root:" in str(cell) for cell in found)


def test_a_sheet_that_begins_elsewhere_or_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    def moved(xml: bytes) -> bytes:
        start = xml.index(b'<row r="1">')
        return xml[:start] + xml[xml.index(b"</row>", start) + 6 :]

    path = put(tmp_path, rewritten(packed(), xl__worksheets__sheet1_dot_xml=moved))
    with pytest.raises(PermanentError, match="does not begin in cell A1"):
        list(excel.rows(path, "Dados"))
    with pytest.raises(PermanentError, match="'Outra' cannot be read"):
        list(excel.rows(path, "Outra"))


def test_two_sheets_are_both_named(tmp_path: Path) -> None:
    found = excel.inspect(put(tmp_path, packed(book_faults.second_sheet(BOOK))))
    assert found.sheets == ("Dados", "Resumo")
    assert excel.inspect(put(tmp_path, packed(replace(BOOK, sheet="Plan & 1")))).sheets == ("Plan & 1",)


def test_the_bombs_of_these_tests_are_real() -> None:
    bomb = archive.zip_bomb(packed(Book(ROWS[:5])), inflated=40 << 20)
    with zipfile.ZipFile(io.BytesIO(bomb)) as whole:
        assert len(whole.read(SHEET)) > 40 << 20
    with pytest.raises(zlib.error), zipfile.ZipFile(io.BytesIO(_deflate_garbage(packed()))) as spoilt:
        spoilt.read(SHEET)


def test_a_sheet_kept_in_another_folder_is_looked_at_too(tmp_path: Path) -> None:
    """Where a sheet's part lies is told by the relations; a decoy in the usual place must not hide it."""
    source, target = io.BytesIO(packed(book_faults.formula(BOOK, row=3))), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name).replace(b"worksheets/sheet1.xml", b"elsewhere/sheet1.xml")
            new.writestr(name.replace("worksheets", "elsewhere"), data)
        new.writestr(SHEET, zipfile.ZipFile(io.BytesIO(packed(Book(ROWS[:5])))).read(SHEET))
    path = put(tmp_path, target.getvalue())
    try:
        marked = excel.inspect(path).marked
    except PermanentError:
        return
    assert marked == {"Dados": {(5, LANCAMENTO): "a formula"}}
