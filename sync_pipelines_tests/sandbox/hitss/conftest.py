"""Rows of the synthetic export: `full` is about 22,300 rows, `few` about 1,100; a fake that serves them; readers."""

import io
import re
from collections.abc import Iterator
from zipfile import ZipFile

import httpx
import pytest
from python_calamine import CalamineWorkbook

from sync_pipelines.sandbox.hitss.export import ExportProfile, Row, generate
from sync_pipelines.sandbox.hitss.fake import HitssFake


@pytest.fixture(scope="session")
def full() -> list[Row]:
    return generate(ExportProfile())


@pytest.fixture(scope="session")
def few() -> list[Row]:
    return generate(ExportProfile(scale=0.05))


@pytest.fixture(scope="session")
def running() -> Iterator[HitssFake]:
    with HitssFake() as fake:
        yield fake


@pytest.fixture
def hitss(running: HitssFake) -> Iterator[HitssFake]:
    yield running
    running.clear()


@pytest.fixture(scope="session")
def web() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10, trust_env=False) as client:
        yield client


def shown(rows: list[Row]) -> list[list[object]]:
    """Rows as python-calamine shows them: a missing cell as an empty text."""
    return [["" if value is None else value for value in row] for row in rows]


def read(data: bytes, sheet: str = "Dados") -> list[list[object]]:
    """Header and rows of a workbook."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return [list(row) for row in book.get_sheet_by_name(sheet).to_python()]


def sheet_xml(data: bytes) -> str:
    """The first sheet's XML."""
    return ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()


def cell_xml(data: bytes, place: str) -> str:
    """The XML of one cell."""
    found = re.search(rf'<c r="{place}".*?(/>|</c>)', sheet_xml(data))
    assert found is not None
    return found.group()
