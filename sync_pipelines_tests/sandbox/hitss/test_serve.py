"""The export server as a process of its own."""

import json
import os
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from sync_pipelines.lib import processes
from sync_pipelines.sandbox.hitss.cache import WorkbookCache
from sync_pipelines.sandbox.hitss.export import ExportProfile
from sync_pipelines.sandbox.hitss.fake import HitssFake
from sync_pipelines.sandbox.hitss.serve import main, run
from sync_pipelines_tests.sandbox.hitss.conftest import read

COMMAND = [sys.executable, "-m", "sync_pipelines.sandbox.hitss.serve", "--scale", "0.02", "--last", "2025-08"]


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that a failing test does not leave behind."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: subprocess.Popen[bytes], home: Path) -> dict[str, Any]:
    """What the ready file says, once it is there; a process that ends before is an error."""
    for _ in range(600):
        if (home / "hitss.json").exists():
            note: dict[str, Any] = json.loads((home / "hitss.json").read_text())
            return note
        try:
            raise AssertionError(f"The server ended with {process.wait(timeout=0.05)}.")
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("The server was not ready within 30 s.")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal is Linux's")
def test_a_process_serves_and_ends_with_its_parent(tmp_path: Path, web: httpx.Client) -> None:
    serve = [*processes.FOLLOW, *COMMAND, "--home", str(tmp_path), "--wait-seconds", "0"]
    serve += ["--fault", "reset", "--fault", '{"name": "status", "times": 1}']
    code = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    with started([sys.executable, "-c", code, *serve]) as parent:
        note = ready(parent, tmp_path)
        assert stat.S_IMODE((tmp_path / "hitss.json").stat().st_mode) == 0o600
        assert [one["name"] for one in web.get(f"{note['url']}/_sandbox/state").json()["faults"]] == [
            "reset",
            "status",
        ]
        parent.kill()
        # The server holds the other end of this pipe as long as it lives.
        assert parent.communicate(timeout=10)[0] == b""
    assert not (tmp_path / "hitss.json").exists()


def test_a_restart_finds_the_packed_workbook(tmp_path: Path, web: httpx.Client) -> None:
    command = [*COMMAND, "--home", str(tmp_path), "--wait-seconds", "0"]
    with started(command) as process:
        note = ready(process, tmp_path)
        url = note["HITSS_DOWNLOAD_URL"].format(inicio="09-2016", fim="08-2025")
        assert len(read(web.get(url).content)) > 400
        os.kill(note["pid"], signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    kept = list((tmp_path / "hitss").iterdir())
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]


def test_the_shelf_packs_once_and_forgets_the_oldest(tmp_path: Path) -> None:
    packed: list[str] = []

    def pack(key: str) -> bytes:
        packed.append(key)
        return key.encode()

    for cache in (WorkbookCache(tmp_path), WorkbookCache(tmp_path)):
        assert cache.get("a", lambda: pack("a")) == b"a"
    assert packed == ["a"]
    assert WorkbookCache(tmp_path).get("b", lambda: pack("b"), durable=False) == b"b"
    assert len(list(tmp_path.iterdir())) == 1
    for number in range(12):
        WorkbookCache(tmp_path).get(f"n{number}", lambda: b"x")
    assert len(list(tmp_path.iterdir())) == 8


def test_a_private_chain_needs_its_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(tmp_path / "cert.pem", append=True)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with HitssFake(tls=(tmp_path / "cert.pem", tmp_path / "key.pem")) as fake:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(fake.url(), trust_env=False)
        with httpx.Client(verify=trusting, trust_env=False) as web:
            assert web.get(fake.url("08-2025")).status_code == 200
            fake.fault("reset", times=1)
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                web.get(fake.url())


def test_leaving_ends_a_request_that_hangs(web: httpx.Client) -> None:
    with HitssFake() as fake:
        fake.fault("hang")
        with pytest.raises(httpx.ReadTimeout):
            web.get(fake.url(), timeout=0.05)
    with pytest.raises(httpx.ConnectError):
        web.get(fake.url())


def test_other_hosts_and_half_a_certificate_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1 only"):
        run("0.0.0.0", 0, ExportProfile(), faults=[], wait_seconds=0, ready_file=tmp_path / "hitss.json")
    with pytest.raises(SystemExit):
        main(["--home", str(tmp_path), "--certfile", "a.pem"])
    assert "belong together" in capsys.readouterr().err
