"""Real processes below a temporary home: how they are started, waited for, and found again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg
import pytest

from sync_pipelines.lib import processes
from sync_pipelines.sandbox.world import Sandbox
from sync_pipelines.systems import whole_class
from sync_pipelines_tests.parts import PARTS

VARIABLES = {name.upper() for name in whole_class().model_fields} | {
    "DAGSTER_HOME",
    "DAGSTER_EVENT_BATCH_SIZE",
}
Found = TypeVar("Found")


def until(look: Callable[[], Found | None], what: str, seconds: float = 60.0) -> Found:
    """What `look` finds, as soon as it is neither None nor False; TimeoutError names what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None and found is not False:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what} did not happen within {seconds:g} s.")


def month(back: int) -> str:
    """The month `back` months before this one."""
    today = date.today()
    number = today.year * 12 + today.month - 1 - back
    return f"{number // 12}-{number % 12 + 1:02d}"


def period(back: int) -> str:
    """That month as the workbook writes it."""
    year, number = month(back).split("-")
    return f"{int(number)}/{year}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@dataclass
class World:
    """A sandbox's home and the processes that a test starts in it."""

    home: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def sandbox(self) -> Sandbox:
        return Sandbox(self.home, PARTS)

    def start(self, *command: str, sandboxed: bool = False) -> subprocess.Popen[bytes]:
        """`sync-pipelines COMMAND` with ten months of a small export; its output is in `output`."""
        given = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        given["HITSS_FIRST_MONTH"] = month(9)
        if sandboxed:
            given |= self.sandbox.environment({})
        with self.log.open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "sync_pipelines.cli.app", *command],
                cwd=self.home.parent,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(child)
        return child

    def finish(self, *command: str, sandboxed: bool = False, seconds: float = 240.0) -> tuple[int, str]:
        """Exit status and output of a command that ends by itself."""
        before = self.log.stat().st_size if self.log.exists() else 0
        status = self.start(*command, sandboxed=sandboxed).wait(seconds)
        with self.log.open("rb") as output:
            output.seek(before)
            return status, output.read().decode()

    def demo(self, *options: str) -> subprocess.Popen[bytes]:
        return self.start(*self.demo_command, *options)

    @property
    def demo_command(self) -> list[str]:
        return ["demo", "--home", str(self.home), "--scale", "0.05", "--invoices", "6", "--wait", "0"]

    @property
    def log(self) -> Path:
        return self.home.parent / "output"

    def connect(self, database: str = "fabricio") -> psycopg.Connection[Any]:
        return psycopg.connect(self.sandbox._postgres.url(database), autocommit=True)

    def rows(self, query: str, database: str = "fabricio") -> list[tuple[Any, ...]]:
        with self.connect(database) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    def value(self, query: str, database: str = "fabricio") -> Any:
        return self.rows(query, database)[0][0]

    def open_executions(self) -> list[str]:
        """Our executions that say `running`."""
        query = (
            "select id::text from automation_executions where status = 'running'"
            " and execution_details ->> 'engine' = 'sync_pipelines'"
        )
        return [row[0] for row in self.rows(query)]

    @contextmanager
    def writes_blocked(self, table: str) -> Iterator[Callable[[], bool]]:
        """Nobody writes to a table of the fabricio database meanwhile; yields whether one of ours waits."""
        with self.connect() as holder, self.connect() as watcher:
            holder.execute("begin")
            holder.execute(f"lock table {table} in share row exclusive mode")  # type: ignore[call-overload]

            def somebody_waits() -> bool:
                return watcher.execute(
                    "select exists (select from pg_stat_activity where wait_event_type = 'Lock'"
                    " and application_name = 'sync_pipelines' and datname = 'fabricio'"
                    " and query ~ 'dre_summary')"
                ).fetchone() == (True,)

            yield somebody_waits
            holder.execute("rollback")

    def hitss(self, path: str) -> str:
        ready = json.loads((self.home / "hitss" / "hitss.json").read_text())
        return f"{ready['url']}/_sandbox/{path}"

    def fault(self, name: str, **params: object) -> None:
        httpx.post(self.hitss("faults"), json={"name": name, **params}).raise_for_status()

    def faults(self) -> list[str]:
        """What is switched on and not used up."""
        return [one["name"] for one in httpx.get(self.hitss("state")).json()["faults"]]

    def ours(self) -> list[psutil.Process]:
        """Living processes that belong to this home, but for this one."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                names = [*process.cmdline(), process.environ().get("DAGSTER_HOME", "")]
                if any(str(self.home) in name for name in names):
                    found.append(process)
        return found

    def stop(self) -> None:
        """End what is left: first those that a test started, then the sandbox."""
        for child in self.started:
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    child.wait(40)
            if child.poll() is None:
                child.kill()
                child.wait()
        processes.end(self.home / "dagster" / "process.json")
        self.sandbox.stop()
        for process in self.ours():
            with suppress(psutil.Error):
                process.kill()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "world")
    yield made
    made.stop()


def serves(port: int) -> bool:
    """Whether the Dagster UI answers on a port of this machine."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/server_info", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
