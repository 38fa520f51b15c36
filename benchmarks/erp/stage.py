"""What the parts stand on: a durable Postgres with the databases migrated, the world in a process of its own, steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.sandbox.erp.database import build_erp

HERE = Path(__file__).resolve().parents[2]
Figures = dict[str, float]

#: What a step prints of itself besides: megabytes at its peak and seconds of the processor. Not by getrusage alone,
#: whose peak begins with that of the process which started it.
MEASURE = """
import json, resource
from pathlib import Path
def measured(**figures):
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    used = [resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    peak = int(status["VmHWM"].split()[0]) / 1024
    print(json.dumps({"cpu": cpu, "peak": peak, **figures}))
"""


@contextmanager
def stage(*, omie: int, bling: int, notes: int) -> Iterator[dict[str, str]]:
    """Settings of an installation with so many connections, each of about so many invoices; Dagster's included."""
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresServer(Path(folder) / "postgres") as server,
    ):
        home = Path(folder)
        settings = _databases(server, home)
        with _world(home, settings, omie, bling=bling, notes=notes) as served:
            yield settings | served


def step(code: str, settings: Mapping[str, str], *arguments: str) -> Figures:
    """The figures that a process of its own prints."""
    return finished(begun(code, settings, *arguments))


def begun(code: str, settings: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    """A step that goes on."""
    return subprocess.Popen(
        [sys.executable, "-c", f"{MEASURE}\n{code}", *arguments],
        cwd=HERE,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> Figures:
    """Wait for a step's end. Raises RuntimeError with what it wrote if it failed."""
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the step ended with {process.returncode}: {err[-3000:]}")
    found: Figures = json.loads(out.splitlines()[-1])
    return found


def _databases(server: PostgresServer, home: Path) -> dict[str, str]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for role in ("anon", "authenticated", "service_role"):
            connection.execute(f"create role {role} nologin".encode())
    erp, ops, dagster = (server.create_database(name) for name in ("erp", "ops", "dagster"))
    with psycopg.connect(erp) as connection:
        build_erp(connection)
    runner.upgrade(History("erp"), erp)
    runner.upgrade(OPS, ops)
    dagster_home = home / "dagster"
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_bytes((HERE / "dagster.yaml").read_bytes())
    return {
        "ERP_DATABASE_URL": erp,
        "OPS_DATABASE_URL": ops,
        "DAGSTER_PG_URL": dagster,
        "DAGSTER_HOME": str(dagster_home),
        "LANDING_URL": str(home / "landing"),
        "SYNC_ENV": "development",
    }


@contextmanager
def _world(
    home: Path, settings: Mapping[str, str], omie: int, bling: int, notes: int
) -> Iterator[dict[str, str]]:
    ready = home / "ready"
    command = [sys.executable, "-m", "benchmarks.erp.world", str(ready), str(omie), str(bling), str(notes)]
    process = subprocess.Popen(command, cwd=HERE, env={**os.environ, **settings})
    try:
        while not ready.exists():
            if process.poll() is not None:
                raise RuntimeError(f"the world ended with {process.returncode}")
            time.sleep(0.05)
        yield json.loads(ready.read_text())
    finally:
        process.terminate()
        process.wait()
