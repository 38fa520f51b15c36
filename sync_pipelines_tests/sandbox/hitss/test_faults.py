"""Each fault as a client sees it."""

import io
from zipfile import BadZipFile, ZipFile

import httpx
import openpyxl
import pytest

from sync_pipelines.sandbox.hitss.export import HEADERS
from sync_pipelines.sandbox.hitss.fake import HitssFake
from sync_pipelines.sandbox.hitss.faults import FAULTS
from sync_pipelines_tests.sandbox.hitss.conftest import cell_xml, read, sheet_xml

SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def download(hitss: HitssFake, web: httpx.Client, name: str, **params: str | float | bool | None) -> bytes:
    hitss.fault(name, times=1, **params)
    answer = web.get(hitss.url())
    assert answer.status_code == 200
    assert hitss.state()["faults"] == []
    return answer.content


def test_slow_and_hang_send_no_byte_in_time(hitss: HitssFake, web: httpx.Client) -> None:
    for name in ("slow", "hang"):
        hitss.fault(name, times=1)
        with pytest.raises(httpx.ReadTimeout):
            web.get(hitss.url(), timeout=0.05)
    assert web.get(hitss.url()).status_code == 200


def test_a_short_wait_ends(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("slow", seconds=0.01)
    answer = web.get(hitss.url())
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.01


def test_bad_gateway_then_success(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("bad_gateway", times=2, after=0.01)
    assert [web.get(hitss.url()).status_code for _ in range(3)] == [502, 502, 200]


def test_status_with_retry_after(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("status", code=429, retry_after="7")
    answer = web.get(hitss.url())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    hitss.clear()
    hitss.fault("unauthorized")
    assert web.get(hitss.url()).status_code == 401


def test_answers_follow_one_another(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("bad_gateway", times=1)
    hitss.fault("header_only", times=1)
    hitss.fault("unauthorized", times=1)
    assert [web.get(hitss.url()).status_code for _ in range(2)] == [502, 401]
    assert len(read(web.get(hitss.url()).content)) == 1
    assert len(read(web.get(hitss.url()).content)) > 1000


def test_reset_cuts_before_the_answer(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("reset", times=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        web.get(hitss.url())


def test_truncated_cuts_in_the_body(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("truncated", times=1)
    with web.stream("GET", hitss.url()) as answer:
        assert int(answer.headers["content-length"]) > 1000
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            answer.read()


def test_half_a_zip(hitss: HitssFake, web: httpx.Client) -> None:
    data = download(hitss, web, "truncated_zip")
    assert data.startswith(b"PK\x03\x04")
    with pytest.raises(BadZipFile):
        ZipFile(io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "content_type", "start"),
    [
        ("html_login", SPREADSHEET, b"<!DOCTYPE html>"),
        ("octet_stream", "application/octet-stream", b"PK\x03\x04"),
        ("empty_body", SPREADSHEET, b""),
        ("legacy_xls", "application/vnd.ms-excel", bytes.fromhex("D0CF11E0")),
    ],
)
def test_bodies_under_a_type(
    hitss: HitssFake, web: httpx.Client, name: str, content_type: str, start: bytes
) -> None:
    hitss.fault(name, times=1)
    answer = web.get(hitss.url())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    assert answer.content.startswith(start)
    assert bool(answer.content) == bool(start)


def test_too_large_goes_on_until_the_client_stops(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("too_large", times=1)
    with web.stream("GET", hitss.url()) as answer:
        assert "content-length" not in answer.headers
        seen = 0
        for piece in answer.iter_bytes():
            seen += len(piece)
            if seen > 20 << 20:
                break
    assert seen > 20 << 20
    hitss.fault("too_large", times=1, megabytes=2)
    assert len(web.get(hitss.url()).content) == 4 + (2 << 20)


def test_zip_bomb_inflates(hitss: HitssFake, web: httpx.Client) -> None:
    data = download(hitss, web, "zip_bomb", inflated=64 << 20)
    sheet = ZipFile(io.BytesIO(data)).getinfo("xl/worksheets/sheet1.xml")
    assert sheet.file_size > 64 << 20
    assert len(data) < 300_000


def test_odd_cells(hitss: HitssFake, web: httpx.Client) -> None:
    formula = download(hitss, web, "formula")
    assert cell_xml(formula, "Q2") == '<c r="Q2"><f>SUM(A1:A1)-1234.5</f><v>-1234.5</v></c>'
    assert read(formula)[1][16] == -1234.5
    assert cell_xml(download(hitss, web, "error_cell"), "Q2") == '<c r="Q2" t="e"><v>#REF!</v></c>'
    dated = openpyxl.load_workbook(io.BytesIO(download(hitss, web, "date_periodo")))["Dados"]["R2"]
    assert dated.is_date
    assert str(dated.value) == "2024-08-01 00:00:00"


def test_sheets(hitss: HitssFake, web: httpx.Client) -> None:
    two = openpyxl.load_workbook(io.BytesIO(download(hitss, web, "second_sheet")), read_only=True)
    assert two.sheetnames == ["Dados", "Resumo"]
    renamed = openpyxl.load_workbook(io.BytesIO(download(hitss, web, "renamed_sheet")), read_only=True)
    assert renamed.sheetnames == ["Planilha1"]


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("extra_column", [*HEADERS, "CentroCusto"]),
        ("missing_column", [*HEADERS[:-1]]),
        ("renamed_column", [*HEADERS[:16], "Valor", *HEADERS[17:]]),
        ("reordered_columns", [*HEADERS[:16], "Periodo", "Lancamento", "Natureza"]),
        ("duplicate_column", [*HEADERS, "Lancamento"]),
    ],
)
def test_columns(hitss: HitssFake, web: httpx.Client, name: str, headers: list[str]) -> None:
    rows = read(download(hitss, web, name))
    assert rows[0] == headers
    assert {len(row) for row in rows} == {len(headers)}
    for header in set(headers) & {"Periodo", "Natureza", "Lancamento"}:
        kind = float if header == "Lancamento" else str
        assert isinstance(rows[1][headers.index(header)], kind)


def test_stray_cells(hitss: HitssFake, web: httpx.Client) -> None:
    assert cell_xml(download(hitss, web, "stray_last_row"), "A1048576") == '<c r="A1048576"><v>1</v></c>'
    assert 't="s"' in cell_xml(download(hitss, web, "stray_far_column"), "XFD2")


def test_many_empty_rows(hitss: HitssFake, web: httpx.Client) -> None:
    data = download(hitss, web, "million_empty_rows", rows=50_000)
    assert sheet_xml(data).count('s="0"/></row>') == 50_000
    assert len(read(data)) == len(hitss.rows) + 1  # calamine passes over what has no value


def test_rows_change_before_and_after_the_window(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("new_month")
    assert {row[17] for row in read(web.get(hitss.url("08-2025", "08-2025")).content)[1:]} == {"8/2025"}
    wider = read(web.get(hitss.url("08-2025", "12-2025")).content)[1:]
    assert {row[17] for row in wider} == {"8/2025", "9/2025"}
    hitss.clear()
    hitss.fault("future_month")
    rows = read(web.get(hitss.url("08-2025", "08-2025")).content)[1:]
    assert {row[17] for row in rows} == {"8/2025", "9/2025"}


@pytest.mark.parametrize("name", [name for name, kind in FAULTS.items() if kind.stage in ("data", "rows")])
def test_row_faults_reach_the_download(hitss: HitssFake, web: httpx.Client, name: str) -> None:
    hitss.fault(name, times=1)
    wider = hitss.url(end="12-2025")  # a new month shows only to who asks for it
    rows = [tuple(row) for row in read(web.get(wider).content)[1:]]
    good = [tuple(row) for row in read(web.get(wider).content)[1:]]
    assert sorted(map(repr, rows)) != sorted(map(repr, good))


def test_a_fault_stays_until_cleared(hitss: HitssFake, web: httpx.Client) -> None:
    hitss.fault("header_only")
    assert [len(read(web.get(hitss.url()).content)) for _ in range(3)] == [1, 1, 1]
    hitss.clear()
    assert len(read(web.get(hitss.url()).content)) > 1000
