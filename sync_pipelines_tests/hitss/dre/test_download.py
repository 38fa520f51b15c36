"""Every way in which the export can fail to come: a retry or a sentence, and nobody's name anywhere."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from sync_pipelines.hitss.dre.extract import export_client
from sync_pipelines.lib import redaction
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.downloads import DownloadClient
from sync_pipelines.sandbox.hitss.fake import HitssFake
from sync_pipelines_tests.conftest import House

HOURS = "3600"
TINY = Timeouts(connect=1, read=0.2, total=0.2)
#: Fault, its parameters, how often it is there, the kind of error (None: it goes on), the sentence, the calls.
FAULTS: list[tuple[str, dict[str, Any], int | None, type[SyncError] | None, str, int]] = [
    ("bad_gateway", {}, 1, None, "", 2),
    ("bad_gateway", {}, 2, None, "", 3),
    ("bad_gateway", {}, None, TransientError, r"answered 502 Bad Gateway\. Tried 3 times", 3),
    ("status", {"code": 429, "retry_after": "7"}, 1, None, "", 2),
    ("status", {"code": 429, "retry_after": HOURS}, None, TransientError, "answered 429", 1),
    ("status", {"code": 503}, 1, None, "", 2),
    ("status", {"code": 504}, None, TransientError, "answered 504.*Tried 3 times", 3),
    ("status", {"code": 400}, None, PermanentError, "answered 400.*HITSS_DOWNLOAD_URL", 1),
    ("status", {"code": 404}, None, PermanentError, "answered 404", 1),
    ("status", {"code": 302}, None, PermanentError, "answered 302", 1),
    ("unauthorized", {}, None, PermanentError, "answered 401.*HITSS_DOWNLOAD_URL", 1),
    ("reset", {}, 1, None, "", 2),
    ("reset", {}, None, TransientError, "connection was lost|cut or garbled", 3),
    ("truncated", {}, 1, None, "", 2),
    ("truncated", {}, None, TransientError, "cut", 3),
    ("truncated_zip", {}, 1, None, "", 2),
    ("truncated_zip", {}, None, TransientError, "came cut", 3),
    ("empty_body", {}, 1, None, "", 2),
    ("empty_body", {}, None, TransientError, "came empty", 3),
    ("html_login", {}, None, PermanentError, r'an HTML page \("Login"\).*renew it', 1),
    ("legacy_xls", {}, None, PermanentError, r"legacy \.xls workbook", 1),
    ("octet_stream", {}, None, None, "", 1),
    ("too_large", {}, None, PermanentError, "more than the 52428800 bytes", 1),
    ("zip_bomb", {}, None, PermanentError, "would inflate to 3072 MiB", 1),
]
SECRETS = (
    "usuario.ficticio",
    "usuario%2Eficticio",
    "4242424242",
    "FICTICI",
    "ficticio",
    "GERENTE DE ENTREGA",
)
TEXTS = {
    "fabricio": (
        "select error_message, execution_details::text from public.automation_executions",
        "select message, context::text from public.system_logs",
    ),
    "ops": (
        "select path, reason, details::text from ops.landed_files",
        "select problem, source::text, destination::text from ops.proofs",
    ),
}


def written(house: House) -> str:
    """Everything that a download wrote for people and programs to read."""
    found = [row for query in TEXTS["fabricio"] for row in house.rows(query)]
    found += [row for query in TEXTS["ops"] for row in house.ops.execute(query).fetchall()]  # type: ignore[call-overload]
    return "\n".join(str(cell) for row in found for cell in row)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log as a process of the house keeps it, at its most talkative."""
    factory = logging.getLogRecordFactory()
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    levels = [logger.level for logger in loggers]
    redaction.install_logging()
    caplog.set_level("DEBUG")
    yield caplog
    logging.setLogRecordFactory(factory)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def nobody_is_named(text: str) -> None:
    for secret in SECRETS:
        assert secret not in text
    assert "Filtro=" not in text


def said(logged: pytest.LogCaptureFixture) -> str:
    """What the house logged; the fake upstream shares this process, and its own log is its own affair."""
    return "\n".join(r.getMessage() for r in logged.records if not r.name.startswith("uvicorn"))


def execution(house: House, run_id: str = "run") -> tuple[Any, ...]:
    found = house.fabricio.execute(
        "select status, completed_at is not null, records_processed, records_failed, error_message"
        " from public.automation_executions where execution_details ->> 'run_id' = %s",
        (run_id,),
    ).fetchall()
    (row,) = found
    return tuple(row)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_fault_ends_in_a_retry_or_in_a_sentence(
    short: House, logged: pytest.LogCaptureFixture, goes_on: bool
) -> None:
    for number, (fault, params, times, error, sentence, calls) in enumerate(FAULTS):
        if (error is None) is not goes_on:
            continue
        run_id = f"{number} {fault} {params}"
        before = short.hitss.state()["calls"]
        short.hitss.clear()
        short.hitss.fault(fault, times=times, **params)
        if error is None:
            goes_on_after(short, run_id, calls)
        else:
            with pytest.raises(error, match=sentence) as raised:
                short.dre.download(run_id)
            is_told(short, run_id, fault, sentence=str(raised.value))
        assert short.hitss.state()["calls"] - before == calls, run_id
    assert short.value("select count(*) from sync_private.dre_lines") == 0
    assert not list(short.settings.landing_root.rglob("incoming/*"))
    nobody_is_named(written(short))
    nobody_is_named(said(logged))


def landed(house: House, run_id: str) -> list[tuple[Any, ...]]:
    return house.ops.execute(
        "select status, reason, path from ops.landed_files where run_id = %s", (run_id,)
    ).fetchall()


def goes_on_after(house: House, run_id: str, calls: int) -> None:
    report = house.dre.download(run_id)
    assert report.download is not None
    assert report.download.attempts == calls, run_id
    assert execution(house, run_id)[:4] == ("completed", True, report.validation.rows, 0)
    assert [row[0] for row in landed(house, run_id)] == ["usable"]


def is_told(house: House, run_id: str, fault: str, sentence: str) -> None:
    """The record and the landing index say it; what came is kept when it looked like a workbook."""
    assert execution(house, run_id) == ("failed", True, 0, 0, sentence)
    nobody_is_named(sentence)
    found = landed(house, run_id)
    assert [row[:2] for row in found] == ([("refused", sentence)] if fault == "zip_bomb" else [])
    assert all((house.settings.landing_root / row[2]).is_file() for row in found)


def with_client(house: House, make: Callable[[], DownloadClient]) -> House:
    return replace(house, dre=replace(house.dre, http=make))


def test_an_export_that_never_answers_is_given_up(short: House) -> None:
    impatient = with_client(short, lambda: export_client(timeouts=TINY, sleep=lambda _seconds: None))
    short.hitss.fault("hang")
    with pytest.raises(TransientError, match=r"not complete after 0\.2 s|within the time allowed"):
        impatient.dre.download("run")
    assert execution(short)[0] == "failed"
    nobody_is_named(written(short))


def test_a_wait_is_as_long_as_the_server_asks(short: House) -> None:
    waits: list[float] = []
    patient = with_client(short, lambda: export_client(sleep=waits.append, jitter=lambda: 0.0))
    short.hitss.fault("status", times=1, code=429, retry_after="7")
    short.hitss.fault("bad_gateway", times=1)
    patient.dre.download("run")
    assert waits == [7.0, 10.0]


@pytest.fixture
def redirecting() -> Iterator[str]:
    """A server that sends everybody to a login page, with the whole query behind it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"/login{self.path[self.path.index('?') :]}")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_redirect_to_a_login_page_is_not_followed(
    short: House, hitss: HitssFake, redirecting: str, logged: pytest.LogCaptureFixture
) -> None:
    url = hitss.download_url.replace(hitss.base_url, redirecting)
    elsewhere = short.with_settings(hitss_download_url=url)
    with pytest.raises(PermanentError, match=r"redirect to .*/login.*not followed") as raised:
        elsewhere.dre.download("run")
    nobody_is_named(str(raised.value) + written(short) + said(logged))


def test_a_spoilt_archive_is_kept_and_refused(short: House) -> None:
    """The directory at its end is whole, so it looks like a workbook; what it holds is not."""
    spoil = with_client(short, lambda: Spoiling(sleep=lambda _seconds: None, name="The HITSS export"))
    with pytest.raises(PermanentError, match="The workbook"):
        spoil.dre.download("run")
    ((status, path),) = short.ops.execute("select status, path from ops.landed_files").fetchall()
    assert status == "refused"
    assert (short.settings.landing_root / path).is_file()
    assert execution(short)[0] == "failed"


class Spoiling(DownloadClient):
    """A client on whose way some bytes of the sheet were lost."""

    def download(self, url: str, target: Any, **options: Any) -> Any:
        answer = super().download(url, target, **options)
        data = target.read_bytes()
        start = data.index(b"xl/worksheets/sheet1.xml") + 24
        target.write_bytes(data[:start] + b"\xff" * 64 + data[start + 64 :])
        return answer


def test_nobody_is_named_by_a_load_either(short: House, logged: pytest.LogCaptureFixture) -> None:
    short.hitss.fault("text_amounts")
    report = short.dre.download("run")
    with short.dre.load("load", report.pending.changed) as loading:
        for month in report.pending.changed:
            loading.load(month)
    nobody_is_named(written(short) + said(logged))
