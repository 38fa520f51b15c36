"""Gestão Scouter's fake as a process."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.faults import FAULTS_PATH
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter
from sync_pipelines.sandbox.scouter.serve import DATABASE, READY_FILE

COMMAND = [sys.executable, "-m", "sync_pipelines.sandbox.scouter.serve"]


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer) -> Iterator[str]:
    made = postgres_server.create_database("served")
    with psycopg.connect(made) as connection:
        build_gestao_scouter(connection)
    yield made
    postgres_server.drop_database("served")


@contextmanager
def serving(home: Path, url: str, *options: str) -> Iterator[dict[str, str]]:
    """The process, ended by SIGTERM at the latest here; what its ready file says."""
    environment = {**os.environ, DATABASE: url}
    with subprocess.Popen([*COMMAND, "--home", str(home), *options], env=environment) as process:
        try:
            ready = home / READY_FILE
            while not ready.exists():
                try:
                    raise AssertionError(f"The server ended with {process.wait(timeout=0.05)}.")
                except subprocess.TimeoutExpired:
                    continue
            yield json.loads(ready.read_text())
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=15) == 0
            assert not ready.exists()
        finally:
            process.kill()


def test_it_serves_and_its_address_and_key_are_the_same_after_a_restart(tmp_path: Path, url: str) -> None:
    every = []
    for options in ((), ("--latency-seconds", "0.01")):
        with serving(tmp_path, url, *options) as ready:
            assert set(ready) == {"GESTAO_SCOUTER_URL", "GESTAO_SCOUTER_SERVICE_KEY"}
            for name in (READY_FILE, "jwt_secret"):
                assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
            with PostgrestClient(ready["GESTAO_SCOUTER_URL"], ready["GESTAO_SCOUTER_SERVICE_KEY"]) as client:
                assert client.probe("leads", ("id", "nome"), on_conflict="id") is None
            every.append(ready)
    assert every[0] == every[1]


def test_it_ends_though_a_request_hangs(tmp_path: Path, url: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        with serving(tmp_path, url) as ready:
            control = ready["GESTAO_SCOUTER_URL"] + FAULTS_PATH
            httpx.post(control, json={"name": "hang", "times": 1})
            asked = pool.submit(httpx.get, ready["GESTAO_SCOUTER_URL"] + "/rest/v1/leads", timeout=30.0)
            while httpx.get(control).json()["on"]:
                pass  # it is on its way until the fault is used
        assert isinstance(asked.exception(), httpx.TransportError)
        assert not isinstance(asked.exception(), httpx.TimeoutException)


def test_without_a_database_it_says_what_is_missing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != DATABASE}
    done = subprocess.run(
        [*COMMAND, "--home", str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"{DATABASE} is not set" in done.stderr
