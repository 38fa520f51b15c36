"""The drill's own Postgres, and what is left of it when the drill is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

DRILL = """
import os, signal, sys
import psycopg
from sync_pipelines.lib.postgres.scratch import scratch_database
with scratch_database(None) as url:
    with psycopg.connect(url) as connection:
        connection.execute("create table restored as select 'Pessoa'")
    print("restored", flush=True)
    if sys.argv[1] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "wait":
        sys.stdin.readline()
"""


def start(temporary: Path, way: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DRILL, way],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(temporary: Path, way: str) -> int:
    """The status with which a drill ended."""
    with start(temporary, way) as process:
        process.communicate(timeout=120)
    return process.returncode


def servers(temporary: Path) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if str(temporary) in " ".join(one.info["cmdline"] or [])]


def folders(temporary: Path) -> list[Path]:
    return list(temporary.glob("sync_pipelines_drill_*"))


def test_a_drill_takes_its_server_and_its_files_along(tmp_path: Path) -> None:
    assert run(tmp_path, "end") == 0
    assert list(tmp_path.iterdir()) == []
    assert servers(tmp_path) == []


def test_what_a_killed_drill_left_goes_with_the_next_and_a_living_one_stays(tmp_path: Path) -> None:
    assert run(tmp_path, "kill") == -signal.SIGKILL
    (dead,) = folders(tmp_path)

    with start(tmp_path, "wait") as living:
        assert living.stdout is not None
        assert living.stdout.readline() == "restored\n"
        assert not dead.exists()
        (held,) = folders(tmp_path)
        assert run(tmp_path, "end") == 0
        assert folders(tmp_path) == [held]
        living.communicate("\n", 120)
    assert living.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert servers(tmp_path) == []
