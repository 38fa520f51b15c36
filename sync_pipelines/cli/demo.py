"""`make demo`: the sandbox, the migrations, one proved run, then the Dagster UI until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType

from sync_pipelines.cli.runs import run_and_print, runnable
from sync_pipelines.lib import processes
from sync_pipelines.lib.console import console
from sync_pipelines.sandbox.world import ROOT, Sandbox
from sync_pipelines.systems import settings

START_SECONDS = 120.0


class _StoppedError(Exception):
    """The person pressed Ctrl-C, or the demo was asked to end."""


def run_demo(sandbox: Sandbox, *, once: bool, port: int) -> int:
    """Run the demo; returns its exit status."""
    home = sandbox.home
    note = home / "dagster" / "process.json"
    # What an earlier demo left when it was killed: its UI would hold the port and write to a stopped database.
    processes.end(note)
    if not once and _is_taken(port):
        console.print(f"Port {port} is in use; choose another: make demo PORT={port + 1}", style="red")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with console.status("Starting Postgres and the fake upstreams …"):
            sandbox.start()
            os.environ.update(sandbox.environment(os.environ))
            sandbox.migrate(os.environ)
        console.print("The sandbox is up and its databases are migrated.")
        from sync_pipelines import definitions
        from sync_pipelines.sandbox.observations import observe

        # One that fails does not keep the others from showing what they do.
        results = [run_and_print(name, first=None, last=None, accept=[]) for name in runnable()]
        observations = [observation for part in sandbox.parts for observation in part.observations]
        seen = observe(observations, definitions.defs, settings=settings(), console=console)
        succeeded = seen and all(results)
        if not once:
            _serve(note, home, port=port)
        return 0 if succeeded else 1
    except (_StoppedError, KeyboardInterrupt):
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        # Dagster first: it would not end while its database is away.
        processes.end(note)
        sandbox.stop()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _StoppedError


def _serve(note: Path, home: Path, port: int) -> None:
    output = home / "dagster" / "dagster.log"
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(ROOT / "workspace.yaml")]
    command += ["-h", "127.0.0.1", "-p", str(port)]
    with console.status("Starting the Dagster UI …"):
        child = processes.spawn(command, note=note, output=output, cwd=ROOT)
        deadline = time.monotonic() + START_SECONDS
        while not _is_taken(port):
            if child.poll() is not None or time.monotonic() > deadline:
                console.print(f"The Dagster UI did not start; see {output}", style="red")
                raise _StoppedError
            time.sleep(0.2)
    console.print(
        f"Dagster is at http://127.0.0.1:{port} with schedules and sensors on. Ctrl-C stops everything."
    )
    child.wait()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
