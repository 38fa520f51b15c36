"""A real press: `sync-pipelines webhook` as a process, which starts `run erp` against the fake Omie and ends it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psutil
import pytest

from sync_pipelines.erp.endpoints import NAME
from sync_pipelines.lib.http.endpoints import FUNCTIONS_PATH
from sync_pipelines_tests.erp.installation import Connected, Installed

pytestmark = pytest.mark.slow


@contextmanager
def receiver(installed: Installed, home: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and its address; its output is in `home`."""
    command = [sys.executable, "-m", "sync_pipelines.cli.app", "webhook", "--port", "0"]
    output = home / "receiver.log"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=home, env={**os.environ, **installed.environment}, stdout=stream, stderr=stream
        )
    try:
        yield process, address_of(process, output)
    finally:
        process.kill()
        process.wait()


def address_of(process: subprocess.Popen[bytes], output: Path) -> str:
    while process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", output.read_text()):
            return found[0]
    raise AssertionError(output.read_text())


def press(installed: Installed, one: Connected, url: str, *modules: str) -> dict[str, Any]:
    token = installed.functions.token(one.user_id, 3600)
    answer = httpx.post(
        f"{url}{FUNCTIONS_PATH}{NAME}",
        json={"connection_id": str(one.id), "modules": list(modules)},
        headers={"Authorization": f"Bearer {token}"},
        timeout=180,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_a_press_syncs_and_a_receiver_that_stops_ends_what_goes_on(
    installed: Installed, tmp_path: Path
) -> None:
    installed.clock.now = datetime.now(UTC)
    one = installed.connect("omie", months=1)
    with receiver(installed, tmp_path) as (process, url):
        answer = press(installed, one, url, "nfe", "empresa")
        assert answer["success"] is True, answer
        assert [result["module"] for result in answer["results"]] == ["empresa", "nfe"]
        stored = installed.value("select count(*) from public.xml_imports")
        assert answer["results"][1]["records_synced"] == stored > 0
        assert installed.log(one)["status"] == "success"
        assert installed.row(one).status == "active"

        arrived = Event()
        installed.omie.fail("ListarProdutos_hang")
        installed.omie.before("ListarProdutos", 1, arrived.set)
        with ThreadPoolExecutor(1) as pool:
            pressed = pool.submit(press, installed, one, url, "produtos")
            assert arrived.wait(60)
            syncs = psutil.Process(process.pid).children()
            process.terminate()
            assert "interrompida" in pressed.result(60)["results"][0]["message"]
            assert process.wait(60) == 0
        assert (len(syncs), [sync for sync in syncs if sync.is_running()]) == (1, [])
    log = installed.log(one)
    assert (log["status"], log["is_closed"]) == ("cancelled", True)
    # Whoever interrupts a sync starts it again: the connection is as it was.
    assert installed.row(one).status == "active"
    said = (tmp_path / "receiver.log").read_text()
    hidden = [*map(str, one.credentials.values()), installed.functions.jwt_secret, "eyJ"]
    assert [text for text in hidden if text in said] == []


def test_a_sync_outlives_a_receiver_that_is_killed(installed: Installed, tmp_path: Path) -> None:
    installed.clock.now = datetime.now(UTC)
    one = installed.connect("omie", months=1)
    arrived, may_go_on = Event(), Event()

    def wait() -> None:
        arrived.set()
        may_go_on.wait(60)

    installed.omie.before("ListarEmpresas", 1, wait)
    with receiver(installed, tmp_path) as (process, url), ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(press, installed, one, url, "empresa")
        assert arrived.wait(60)
        syncs = psutil.Process(process.pid).children()
        process.kill()
        assert isinstance(pressed.exception(60), httpx.TransportError)
        may_go_on.set()
        psutil.wait_procs(syncs, timeout=60)
    assert [sync for sync in syncs if sync.is_running()] == []
    assert installed.log(one)["status"] == "success"
