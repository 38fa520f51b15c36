"""Two thousand posts at once, as a mass edit in Gestão Scouter sends them: at the process that production runs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from sync_pipelines.scouter.endpoints import WEBHOOK
from sync_pipelines_tests.scouter.installation import FIRST, Installation

SECRET = "um-segredo-so-do-webhook-7f3a"
POSTS = 2_000
#: Beside what it needs at its start; 2,000 bodies of 200 kB in memory at once made it 1,100.
MOST_MEGABYTES = 400


@dataclass(frozen=True)
class Process:
    """The receiver as `sync-pipelines webhook` starts it."""

    port: int
    pid: int

    @property
    def peak(self) -> int:
        """The most memory that it ever had, in megabytes."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) // 1024


@contextmanager
def serving(ops_url: str, log: Path) -> Iterator[Process]:
    given = {"OPS_DATABASE_URL": ops_url, "SCOUTER_WAY_BACK": "true", "SCOUTER_WEBHOOK_SECRET": SECRET}
    usual = ["sh", "-c", 'ulimit -Sn 1024 && exec "$@"', "sh"]
    command = [*usual, sys.executable, "-m", "sync_pipelines.cli.app", "webhook", "--port", "0"]
    # Into a file: nobody reads a pipe while the posts run, and a full one stops the server.
    with log.open("w") as stream, subprocess.Popen(command, env=os.environ | given, stderr=stream) as process:
        try:
            yield Process(_port(process, log), process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    for _ in range(400):
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text()):
            return int(found[1])
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"The receiver did not start: {log.read_text()}")


async def post_at_once(port: int, bodies: Sequence[bytes]) -> list[int]:
    """The statuses of all posts; every connection is open before the first of them is sent. 0: no answer came."""
    lines = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in bodies))

    async def post(line: tuple[asyncio.StreamReader, asyncio.StreamWriter], body: bytes) -> int:
        reader, writer = line
        head = (
            f"POST {WEBHOOK.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {SECRET}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.read()
        writer.close()
        return int(answer.split()[1]) if answer else 0

    return await asyncio.gather(*(post(line, body) for line, body in zip(lines, bodies, strict=True)))


def announced(lead: dict[str, Any]) -> bytes:
    return json.dumps({"lead": lead, "source": "gestao_scouter", "operation": "update"}).encode()


def drain_until(installation: Installation, is_over: Event) -> int:
    """Drain again and again until nothing more can come; returns how often."""
    runs = 0
    while True:
        was_over = is_over.is_set()
        waiting = installation.reverse_sync().run(f"drain {runs}").waiting
        runs += 1
        if was_over and not waiting:
            return runs


@pytest.mark.slow
def test_all_are_answered_stored_once_and_applied_while_a_drain_runs(
    installation: Installation, tmp_path: Path
) -> None:
    installation.use(scouter_way_back=True)
    before = datetime.now(UTC) - timedelta(hours=3)
    installation.leads(range(POSTS), before)
    installation.export(before.date())
    installation.gestao.execute(
        "update public.leads set nome = 'Editada ' || id, sync_source = 'gestao_scouter', updated_at = now()"
        " where id >= %s",
        [FIRST],
    )
    bodies = [announced(lead) for lead in installation.there().values()]
    assert len(bodies) == POSTS
    is_over = Event()
    log = tmp_path / "receiver.log"
    with (
        serving(installation.settings.ops_url, log) as receiver,
        ThreadPoolExecutor(1) as pool,
    ):
        start = receiver.peak
        drained = pool.submit(drain_until, installation, is_over)
        try:
            statuses = asyncio.run(post_at_once(receiver.port, bodies))
        finally:
            is_over.set()
        assert drained.result() > 1
        assert receiver.peak - start < MOST_MEGABYTES
    assert statuses == [200] * POSTS
    stored = installation.ops.execute("select key::bigint, status from ops.inbox order by key").fetchall()
    assert stored == [(lead, "applied") for lead in range(FIRST, FIRST + POSTS)]
    names = installation.tab.execute("select name from public.leads order by id").fetchall()
    assert names == [(f"Editada {lead}",) for lead in range(FIRST, FIRST + POSTS)]
    assert not [word for word in (SECRET, "Editada", "Traceback", "WARNING") if word in log.read_text()]


@pytest.mark.slow
def test_large_ones_wait_unread(installation: Installation, tmp_path: Path) -> None:
    leads = [{"id": FIRST + number, "raw": {"texto": "x" * 200_000}} for number in range(POSTS)]
    with serving(installation.settings.ops_url, tmp_path / "receiver.log") as receiver:
        start = receiver.peak
        statuses = asyncio.run(post_at_once(receiver.port, list(map(announced, leads))))
        assert receiver.peak - start < MOST_MEGABYTES
    assert statuses == [200] * POSTS
    (count,) = installation.ops.execute("select count(distinct key) from ops.inbox").fetchone() or (0,)
    assert count == POSTS
