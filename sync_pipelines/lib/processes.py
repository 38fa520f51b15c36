"""Child processes of the sandbox: started with a note of who they are, ended by that note, never by a guess."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

FOLLOW = (sys.executable, "-m", "sync_pipelines.lib.follow")
STOP_SECONDS = 20.0


def spawn(
    command: Sequence[str],
    *,
    note: Path,
    output: Path,
    detached: bool = False,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own and note its pid and start time.

    Not detached, it is asked to end when this process dies (on Linux, from the main thread).
    """
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_private(output) as stream:
        child = subprocess.Popen(  # noqa: S603 - the commands are ours
            list(command) if detached else [*FOLLOW, *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=None if environment is None else dict(environment),
            cwd=cwd,
        )
    process = psutil.Process(child.pid)
    with open_private(note) as stream:
        stream.write(json.dumps({"pid": child.pid, "started": process.create_time()}).encode())
    return child


def open_private(path: Path) -> IO[bytes]:
    """A file opened for writing that only its owner may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def write_private(path: Path, text: str) -> None:
    """Write a private file of which a reader finds the whole or nothing."""
    unfinished = path.with_suffix(".part")
    with open_private(unfinished) as stream:
        stream.write(text.encode())
    unfinished.replace(path)


def noted(note: Path) -> psutil.Process | None:
    """The process of a note while it lives; a reused pid has another start time, and is not it."""
    try:
        known = json.loads(note.read_text())
        process = psutil.Process(int(known["pid"]))
        alive = abs(process.create_time() - float(known["started"])) < 1 and process.is_running()
        return process if alive and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, psutil.Error):
        return None


def end(note: Path) -> bool:
    """End the noted process and what it started: SIGTERM, then SIGKILL. False when none was running."""
    process = noted(note)
    if process is None:
        note.unlink(missing_ok=True)
        return False
    family = [*process.children(recursive=True), process]
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for survivor in alive:
        survivor.kill()
    psutil.wait_procs(alive, timeout=5)
    note.unlink(missing_ok=True)
    return True


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def end_all(processes: list[psutil.Process], *steps: tuple[signal.Signals, float]) -> None:
    """Ask processes to end with ever more force, each time for so many seconds."""
    for number, seconds in steps:
        deadline = time.monotonic() + seconds
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        while any(lives(process.pid) for process in processes) and time.monotonic() < deadline:
            time.sleep(0.01)
