import io
import traceback
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.hitss.dre.credentials import Credentials
from sync_pipelines.hitss.dre.extract import (
    BACKOFF,
    CA_SETTING,
    TIMEOUTS,
    URL_SETTING,
    download_export,
    export_client,
    sniff,
    window_url,
)
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.http.downloads import DownloadClient
from sync_pipelines.lib.redaction import redact

BASE = "https://control.example/api/api/export/xls"
IDENTITY = "usuarioFiltro=joana.prado&idusuarioFiltro=90817&responsavelprojetoFiltro=JOANA%20PRADO+LIMA"
TAIL = f"{IDENTITY}&perfilFiltro=GESTOR%7CDIRETOR&telaFiltro=painel_projetos"
WITH_PARAMETERS = (
    f"{BASE}?clienteFiltro=&filtroDeFiltro=09-2016&filtroAteFiltro=08-2025&visaoFiltro=PROJ&{TAIL}"
)
WITH_PLACEHOLDERS = f"{BASE}?clienteFiltro=&filtroDeFiltro={{inicio}}&filtroAteFiltro=%7Bfim%7D&{TAIL}"

START, END = date(2024, 1, 1), date(2025, 10, 1)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")
    return buffer.getvalue()


WORKBOOK = _zip()
LOGIN_PAGE = (
    "<!DOCTYPE html>\n<html><head><TITLE>Entrar &amp; Sair\n</TITLE></head>Ol\u00e1, JOANA</html>".encode()
)


def test_the_months_replace_those_typed_in_and_nothing_else_moves() -> None:
    asked = window_url(WITH_PARAMETERS, START, END)

    assert asked == WITH_PARAMETERS.replace("09-2016", "01-2024").replace("08-2025", "09-2025")


def test_the_months_stand_where_the_placeholders_were() -> None:
    asked = window_url(WITH_PLACEHOLDERS, START, END)

    assert asked == WITH_PLACEHOLDERS.replace("{inicio}", "01-2024").replace("%7Bfim%7D", "09-2025")


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://h/x?de=%7binicio%7d&ate={FIM}#a", "https://h/x?de=01-2024&ate=09-2025#a"),
        (
            "https://h/x?FILTRODEFILTRO=&filtroatefiltro=&b=1",
            "https://h/x?FILTRODEFILTRO=01-2024&filtroatefiltro=09-2025&b=1",
        ),
        (
            "https://h/x?filtroDeFiltro={inicio}&filtroAteFiltro=08-2025",
            "https://h/x?filtroDeFiltro=01-2024&filtroAteFiltro=09-2025",
        ),
        (
            "https://h/x?a=filtroDeFiltro&filtroDeFiltro=1&filtroAteFiltro=2",
            "https://h/x?a=filtroDeFiltro&filtroDeFiltro=01-2024&filtroAteFiltro=09-2025",
        ),
    ],
)
def test_every_way_to_mark_the_window_is_understood(url: str, asked: str) -> None:
    assert window_url(url, START, END) == asked


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}?{IDENTITY}",
        f"{BASE}?filtroDeFiltro=09-2016&{IDENTITY}",
        f"{BASE}?de={{inicio}}&{IDENTITY}",
        f"{BASE}?xfiltroDeFiltro=1&xfiltroAteFiltro=2&{IDENTITY}",
        "",
    ],
)
def test_a_url_without_both_places_is_refused_by_the_name_of_its_setting(url: str) -> None:
    with pytest.raises(PermanentError, match=URL_SETTING) as caught:
        window_url(url, START, END)

    assert "joana" not in str(caught.value).lower()
    assert "control.example" not in str(caught.value)


@pytest.mark.parametrize("end", [START, date(2023, 12, 1)])
def test_an_empty_window_is_refused(end: date) -> None:
    with pytest.raises(PermanentError, match="holds no day"):
        window_url(WITH_PARAMETERS, START, end)


@given(start=st.dates(date(2000, 1, 1), date(2099, 1, 1)), days=st.integers(1, 9000))
def test_the_window_covers_every_day_asked_for_and_is_padded(start: date, days: int) -> None:
    last = date.fromordinal(start.toordinal() + days - 1)

    asked = httpx.URL(window_url(WITH_PARAMETERS, start, date.fromordinal(last.toordinal() + 1))).params

    assert asked["filtroDeFiltro"] == f"{start.month:02}-{start.year}"
    assert asked["filtroAteFiltro"] == f"{last.month:02}-{last.year}"


class Upstream:
    """Plays answers in turn, the last one again and again."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.asked: list[str] = []
        self.pauses: list[float] = []
        self._answers = answers

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.raw_path.decode())
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def download(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Downloads from an upstream to `tmp_path/export.xlsx`, without pauses."""
    clients: list[DownloadClient] = []

    def run(upstream: Upstream, url: str = WITH_PARAMETERS) -> Any:
        transport = httpx.MockTransport(upstream)
        clients.append(export_client(transport=transport, sleep=upstream.pauses.append, jitter=lambda: 0.0))
        known = Credentials("none", url)
        return download_export(clients[-1], known, START, end=END, target=tmp_path / "export.xlsx")

    yield run
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "text/html", "application/vnd.ms-excel"]
)
def test_a_workbook_is_kept_whatever_it_calls_itself(
    download: Callable[..., Any], tmp_path: Path, content_type: str
) -> None:
    upstream = Upstream(httpx.Response(200, headers={"Content-Type": content_type}, content=WORKBOOK))

    got = download(upstream)

    assert (tmp_path / "export.xlsx").read_bytes() == WORKBOOK
    assert (got.bytes, got.content_type, got.attempts) == (len(WORKBOOK), content_type, 1)
    assert upstream.asked == [window_url(WITH_PARAMETERS, START, END).removeprefix("https://control.example")]


@pytest.mark.parametrize(
    "broken",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=WORKBOOK[: len(WORKBOOK) // 2]),
        httpx.Response(502, content=b"<html>Bad Gateway</html>"),
        httpx.Response(504),
        httpx.Response(429),
        httpx.ReadTimeout("no byte within 420 s"),
        httpx.ReadError("reset"),
    ],
)
def test_what_may_pass_is_asked_for_again(
    download: Callable[..., Any], broken: httpx.Response | Exception
) -> None:
    upstream = Upstream(broken, broken, httpx.Response(200, content=WORKBOOK))

    assert download(upstream).attempts == 3
    assert upstream.pauses == [5, 10]


def test_after_three_attempts_it_is_given_up_without_a_file(
    download: Callable[..., Any], tmp_path: Path
) -> None:
    upstream = Upstream(httpx.Response(200, content=b""))

    with pytest.raises(TransientError, match=r"^The HITSS export came empty\. Tried 3 times\.$"):
        download(upstream)

    assert len(upstream.asked) == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, content=LOGIN_PAGE), r'an HTML page \("Entrar & Sair"\).*login or error page'),
        (httpx.Response(200, content=b"\xef\xbb\xbf {}"), "came as JSON"),
        (httpx.Response(200, content=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), r"legacy \.xls"),
        (httpx.Response(302, headers={"Location": "/login"}), "redirect to /login"),
        (httpx.Response(400), f"400 Bad Request. Check {URL_SETTING}"),
        (httpx.Response(401), "401 Unauthorized"),
        (httpx.Response(404), "404 Not Found"),
    ],
)
def test_what_will_not_pass_is_asked_for_once(
    download: Callable[..., Any], tmp_path: Path, answer: httpx.Response, words: str
) -> None:
    upstream = Upstream(answer)

    with pytest.raises(PermanentError, match=words):
        download(upstream)

    assert len(upstream.asked) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(400),
        httpx.Response(200, content=b"<title>JOANA PRADO LIMA</title>"),
    ],
)
def test_no_failure_names_who_asked(download: Callable[..., Any], answer: httpx.Response) -> None:
    with pytest.raises((TransientError, PermanentError)) as caught:
        download(Upstream(answer))

    told = "".join(traceback.format_exception(caught.value)).lower()
    assert not [word for word in ("joana", "prado", "90817", "gestor") if word in told]
    assert "https://control.example/api/api/export/xls" in told or "html page" in told


def test_after_a_download_the_redactor_knows_the_person_and_spares_the_rest(
    download: Callable[..., Any],
) -> None:
    download(Upstream(httpx.Response(200, content=WORKBOOK)))

    assert redact("JOANA PRADO LIMA (joana.prado, 90817)") == "*** (***, ***)"
    assert redact("PROJ of painel 09-2025") == "PROJ of painel 09-2025"


def test_the_limits_are_those_of_the_contract() -> None:
    assert (TIMEOUTS.connect, TIMEOUTS.read) == (10, 420)
    assert TIMEOUTS.total >= 420
    assert (BACKOFF.attempts, BACKOFF.first, BACKOFF.longest) == (3, 5, 60)


def test_a_bundle_that_is_not_there_is_reported_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=CA_SETTING):
        export_client(ca_bundle=tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\n\t<html></html>", "an HTML page instead"),
        (b"<title> </title>", "an HTML page instead"),
        (b"[1]", "as JSON"),
        ("Sess\u00e3o expirada".encode("latin-1"), "as plain text"),
        (b"\x89PNG\r\n\x1a\n\x00", "as unknown bytes"),
    ],
)
def test_a_file_is_reported_by_its_bytes(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(content)

    with pytest.raises(PermanentError, match=words) as caught:
        sniff(tmp_path / "x")

    assert "expirada" not in str(caught.value)


@pytest.mark.parametrize("cut", [4, len(WORKBOOK) // 2, len(WORKBOOK) - 1])
def test_a_cut_workbook_is_transient_and_a_whole_one_passes(tmp_path: Path, cut: int) -> None:
    (tmp_path / "whole").write_bytes(WORKBOOK)
    (tmp_path / "cut").write_bytes(WORKBOOK[:cut])

    sniff(tmp_path / "whole")
    with pytest.raises(TransientError, match="came cut"):
        sniff(tmp_path / "cut")
