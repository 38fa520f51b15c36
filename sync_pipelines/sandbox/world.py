"""The outside world in a box: the databases, the fake upstreams, and the environment that names them.

Everything lives below one private folder and survives a restart. A variable that the environment sets already
wins over the sandbox's own, so that the same demo can talk to a real service.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from sync_pipelines.sandbox import processes
from sync_pipelines.sandbox.postgres import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(__file__).with_name("schemas")
#: Sandbox databases, and the schema of the application that each holds before we migrate it.
DATABASES = {"dagster": None, "ops": None, "fabricio": "fabricio.sql", "hitss": "fabricio.sql"}
START_SECONDS = 30.0


class SandboxError(RuntimeError):
    """The sandbox could not be started; the message says what to look at."""


@dataclass
class Sandbox:
    """A sandbox below `home`. `scale` is the size of the export, `wait_seconds` its time to the first byte."""

    home: Path
    scale: float = 1.0
    wait_seconds: float = 2.0
    _postgres: PostgresServer = field(init=False)

    def __post_init__(self) -> None:
        self.home = self.home.resolve()
        self._postgres = PostgresServer(self.home / "postgres")

    def start(self, *, detached: bool = False) -> None:
        """Start what is not running; keeps all data of an earlier start."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._postgres.start(detached=detached)
        self._create_roles()
        for name, schema in DATABASES.items():
            self._create_database(name, schema)
        if not os.environ.get("HITSS_DOWNLOAD_URL"):
            self._start_hitss(detached)
        self._dagster_home()

    def stop(self) -> None:
        """Stop the upstreams, then the database."""
        processes.end(self._hitss_note)
        self._postgres.stop()

    def status(self) -> dict[str, bool]:
        return {
            "postgres": self._postgres.is_running(),
            "hitss": processes.noted(self._hitss_note) is not None,
        }

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The variables that name this sandbox; those that `given` sets already keep their value."""
        own = {
            "SYNC_ENV": "demo",
            "LANDING_URL": str(self.home / "landing"),
            "DAGSTER_HOME": str(self.home / "dagster"),
            # A range run writes its materializations in batches instead of one by one.
            "DAGSTER_EVENT_BATCH_SIZE": "200",
            # Dagster opens a connection for each of thousands of events: the socket is three times as quick.
            "DAGSTER_PG_URL": self._postgres.socket_url("dagster"),
            "OPS_DATABASE_URL": self._postgres.url("ops"),
            "FABRICIO_DATABASE_URL": self._postgres.url("fabricio"),
            "HITSS_DATABASE_URL": self._postgres.url("hitss"),
        }
        ready = self._hitss_home / "hitss.json"
        if ready.is_file():
            own["HITSS_DOWNLOAD_URL"] = json.loads(ready.read_text())["download_url"]
        return {name: given.get(name) or value for name, value in own.items()} | (
            {"HITSS_DOWNLOAD_URL": given["HITSS_DOWNLOAD_URL"]} if given.get("HITSS_DOWNLOAD_URL") else {}
        )

    @property
    def _hitss_home(self) -> Path:
        return self.home / "hitss"

    @property
    def _hitss_note(self) -> Path:
        return self._hitss_home / "process.json"

    def _start_hitss(self, detached: bool) -> None:
        if processes.noted(self._hitss_note):
            return
        ready, output = self._hitss_home / "hitss.json", self._hitss_home / "hitss.log"
        self._hitss_home.mkdir(mode=0o700, parents=True, exist_ok=True)
        ready.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "sync_pipelines.sandbox.hitss.serve",
            "--home",
            str(self._hitss_home),
        ]
        command += ["--scale", str(self.scale), "--wait-seconds", str(self.wait_seconds)]
        child = processes.spawn(command, note=self._hitss_note, output=output, detached=detached)
        deadline = time.monotonic() + START_SECONDS
        while not ready.is_file():
            if child.poll() is not None or time.monotonic() > deadline:
                raise SandboxError(f"The fake HITSS did not start; see {output}.")
            time.sleep(0.05)

    def _create_roles(self) -> None:
        """The roles that every Supabase project has."""
        roles = {"anon": "", "authenticated": "", "service_role": "bypassrls"}
        with psycopg.connect(self._postgres.url(), autocommit=True) as connection:
            known = {name for (name,) in connection.execute("select rolname from pg_roles")}
            for role, option in roles.items():
                if role not in known:
                    connection.execute(f"create role {role} nologin {option}")

    def _create_database(self, name: str, schema: str | None) -> None:
        url = self._postgres.create_database(name)
        if schema is None:
            return
        with psycopg.connect(url) as connection:
            made = connection.execute("select to_regclass('public.dre_hitss')").fetchone()
            if made == (None,):
                connection.execute((SCHEMAS / schema).read_bytes())

    def _dagster_home(self) -> None:
        """Dagster's home holds a link to the one instance file, so that demo and production share it."""
        home = self.home / "dagster"
        home.mkdir(mode=0o700, exist_ok=True)
        link = home / "dagster.yaml"
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(ROOT / "dagster.yaml")
