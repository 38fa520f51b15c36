"""Workbooks with the marks of the real export, read back by other libraries."""

import io
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest

from sync_pipelines.sandbox.hitss.archive import restamp, zip_bomb
from sync_pipelines.sandbox.hitss.export import HEADERS, Row
from sync_pipelines.sandbox.hitss.workbook import column_letters, orcado_order, write_workbook
from sync_pipelines_tests.sandbox.hitss.conftest import cell_xml, read, sheet_xml, shown

STAMP = datetime(2025, 9, 21, 5, 0, 4)


def packed(rows: list[Row], stamped: datetime = STAMP, variant: int = 0) -> bytes:
    target = io.BytesIO()
    write_workbook(rows, target, stamped=stamped, orcado_variant=variant)
    return target.getvalue()


@pytest.fixture(scope="module")
def data(few: list[Row]) -> bytes:
    return packed(few)


def test_calamine_reads_every_value(data: bytes, few: list[Row]) -> None:
    assert read(data) == [list(HEADERS), *shown(few)]


def test_openpyxl_reads_every_value(data: bytes, few: list[Row]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["Dados"]
    sheet = book["Dados"]
    assert list(sheet.iter_rows(values_only=True)) == [HEADERS, *few]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:S{len(few) + 1}"
    assert sheet["A1"].font.bold
    assert sheet["Q2"].number_format == "General"


def test_the_marks_of_the_real_file(data: bytes) -> None:
    archive = ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert all(archive.read(name).startswith(b"\xef\xbb\xbf<?xml") for name in archive.namelist())
    assert not any(name.startswith("docProps") for name in archive.namelist())
    assert b"numFmts" not in archive.read("xl/styles.xml")
    strings = archive.read("xl/sharedStrings.xml").decode()
    counts = re.search(r'count="(\d+)" uniqueCount="(\d+)"', strings)
    assert counts is not None
    assert counts[1] == counts[2] == str(strings.count("<si>"))


def test_an_empty_text_is_a_cell_and_an_empty_number_is_none(data: bytes, few: list[Row]) -> None:
    line = next(number for number, row in enumerate(few, 2) if row[14] is None)
    row = re.search(rf'<row r="{line}">.*?</row>', sheet_xml(data))
    assert row is not None
    places = re.findall(r'r="([A-Z]+)\d', row.group().partition(">")[2])
    assert places == [letter for letter in column_letters(19) if letter != "O"]
    assert 't="s"' in cell_xml(data, f"P{line}")


def test_a_row_order_or_a_stamp_changes_bytes_and_not_rows(few: list[Row], data: bytes) -> None:
    later, other = packed(few, STAMP.replace(second=6)), packed(few, variant=1)
    assert len({data, later, other}) == 3
    assert sheet_xml(later) == sheet_xml(data)
    assert sheet_xml(other) != sheet_xml(data)
    assert Counter(map(tuple, read(other))) == Counter(map(tuple, read(data)))


def test_the_two_orders_differ_in_orcado_only(few: list[Row]) -> None:
    turned = orcado_order(few, 1)
    ledger = sum(row[0] == "Realizado" for row in few)
    assert turned[:ledger] == few[:ledger]
    assert turned[ledger:] != few[ledger:]
    assert [row[2] for row in turned] == [row[2] for row in few]
    with pytest.raises(ValueError, match="0 or 1"):
        orcado_order(few, 2)


def test_restamping_touches_every_timestamp_and_nothing_else(data: bytes) -> None:
    again = restamp(data, datetime(2026, 1, 2, 3, 4, 6))
    archive = ZipFile(io.BytesIO(again))
    assert archive.testzip() is None
    assert {info.date_time for info in archive.infolist()} == {(2026, 1, 2, 3, 4, 6)}
    assert restamp(again, STAMP) == data


def test_a_bomb_is_small_and_honest_about_its_size(data: bytes) -> None:
    bomb = zip_bomb(data, 32 << 20)
    archive = ZipFile(io.BytesIO(bomb))
    sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    assert sheet.file_size > 32 << 20
    assert len(bomb) < len(data) + 100_000
    assert archive.testzip() is None  # inflates all of it: sizes and checksums are right


def test_written_to_a_path(tmp_path: Path) -> None:
    row: Row = (*("á & <b>",) * 13, " two  spaces\t ", 7, "", -0.01, "1/2025", "CUSTO")
    write_workbook([row], tmp_path / "one.xlsx", stamped=STAMP, sheet="Outra", headers=HEADERS)
    assert read((tmp_path / "one.xlsx").read_bytes(), "Outra") == [list(HEADERS), list(row)]


def test_column_letters_reach_the_sheets_end() -> None:
    letters = column_letters(16_384)
    assert [letters[i] for i in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
