"""The outside world in a box: the databases, the fake upstreams, and the environment that names them.

Everything lives below one private folder and survives a restart. A variable that the environment sets already
wins over the sandbox's own, so that the same demo can talk to a real service.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg

from sync_pipelines.lib import processes
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.aimindset import database
from sync_pipelines.sandbox.scouter import screen
from sync_pipelines.sandbox.scouter.database import (
    build_gestao_scouter,
    build_tabuladormax,
    point_configuration,
)
from sync_pipelines.sandbox.upstreams import Upstream, upstreams

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(__file__).with_name("schemas")
#: The fake's own way to the destination, which nothing else reaches but over HTTP.
GESTAO_SCOUTER = "SANDBOX_GESTAO_SCOUTER_DATABASE_URL"
Build = Callable[[psycopg.Connection[Any]], None]
START_SECONDS = 30.0


def _databases(leads: int) -> Mapping[str, Build | None]:
    """Sandbox databases, and what builds the application in each before we migrate it."""
    return {
        "dagster": None,
        "ops": None,
        "fabricio": lambda connection: _run_schema(connection, "fabricio.sql"),
        "hitss": lambda connection: _run_schema(connection, "fabricio.sql"),
        "aimindset": database.build,
        "tabuladormax": lambda connection: build_tabuladormax(connection, leads=leads),
        # Without a lead of its own on one of our numbers, or the first push would end with a question.
        "gestao_scouter": lambda connection: build_gestao_scouter(connection, collision=False),
    }


def _hash(value: str) -> str:
    return sha256(value.encode()).hexdigest()


class SandboxError(RuntimeError):
    """The sandbox could not be started; the message says what to look at."""


def _run_schema(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute((SCHEMAS / name).read_bytes())


@dataclass
class Sandbox:
    """A sandbox below `home`. `scale` is the size of the export, `wait_seconds` its time to the first byte, `leads`
    how many TabuladorMax has.
    """

    home: Path
    scale: float = 1.0
    wait_seconds: float = 2.0
    leads: int = 2000
    _postgres: PostgresServer = field(init=False)
    _children: list[subprocess.Popen[bytes]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.home.resolve()
        self._postgres = PostgresServer(self.home / "postgres")

    def start(self, *, detached: bool = False) -> None:
        """Start what is not running; keeps all data of an earlier start."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._postgres.start(detached=detached)
        self._create_roles()
        for name, build in _databases(self.leads).items():
            self._create_database(name, build)
        given = self._foreign(os.environ)
        for upstream in self._upstreams:
            if not upstream.is_replaced(given):
                self._start(upstream, detached)
        self._dagster_home()
        own = self.environment({})
        if address := own.get("GESTAO_SCOUTER_URL"):
            with psycopg.connect(own["TABULADORMAX_DATABASE_URL"]) as connection:
                point_configuration(connection, address)
        # Of the values only a hash: passwords and keys stand in their own files.
        processes.write_private(self._told, json.dumps({name: _hash(value) for name, value in own.items()}))

    def stop(self) -> None:
        """Stop the upstreams, then the database."""
        for upstream in reversed(self._upstreams):
            processes.end(upstream.note)
        for child in self._children:
            child.wait()
        self._children.clear()
        self._postgres.stop()

    def switches(self) -> dict[str, str]:
        """Where the faults of each running fake are listed and switched, by the fake's name."""
        found = {}
        for upstream in self._upstreams:
            if upstream.ready.is_file():
                for address in upstream.switches(json.loads(upstream.ready.read_text())).values():
                    found[upstream.name] = address
        return found

    def replaced(self, given: Mapping[str, str]) -> set[str]:
        """The fakes that do not run because `given` names a real service in their place."""
        foreign = self._foreign(given)
        return {upstream.name for upstream in self._upstreams if upstream.is_replaced(foreign)}

    def status(self) -> dict[str, bool]:
        return {
            "postgres": self._postgres.is_running(),
            **{one.name: processes.noted(one.note) is not None for one in self._upstreams},
        }

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The variables that name this sandbox; those that `given` sets already keep their value."""
        given = self._foreign(given)
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
            "AIMINDSET_DATABASE_URL": self._postgres.url("aimindset"),
            "TABULADORMAX_DATABASE_URL": self._postgres.url("tabuladormax"),
            "SCRATCH_DATABASE_URL": self._postgres.url(),
            "ALERT_EMAIL_TO": "plantao@example.com",
            "ALERT_EMAIL_FROM": "sync@example.com",
            "BACKUPS_FIRST_DAY": (date.today() - timedelta(days=30)).isoformat(),
        }
        known = {name for upstream in self._upstreams for name in upstream.variables}
        for upstream in self._upstreams:
            if upstream.ready.is_file() and not upstream.is_replaced(given):
                said = json.loads(upstream.ready.read_text())
                own |= {name: said[name] for name in upstream.variables}
                own |= upstream.switches(said)
        if not any(given.get(name) for name in screen.REPLACED_BY):
            own |= screen.variables(self.home)
        values = {name: given.get(name) or value for name, value in own.items()}
        return values | {name: given[name] for name in known if given.get(name)}

    @property
    def _told(self) -> Path:
        return self.home / "told.json"

    def _foreign(self, given: Mapping[str, str]) -> dict[str, str]:
        """What of `given` this sandbox has not told itself.

        A shell that once took its variables would otherwise keep every fake from being started again.
        """
        told = json.loads(self._told.read_text()) if self._told.is_file() else {}
        return {name: value for name, value in given.items() if told.get(name) != _hash(value)}

    @property
    def _upstreams(self) -> list[Upstream]:
        return upstreams(self.home, scale=self.scale, wait_seconds=self.wait_seconds)

    def _start(self, upstream: Upstream, detached: bool) -> None:
        if processes.noted(upstream.note):
            return
        upstream.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        upstream.ready.unlink(missing_ok=True)
        child = processes.spawn(
            [sys.executable, "-m", upstream.module, "--home", str(upstream.home), *upstream.options],
            note=upstream.note,
            output=upstream.output,
            detached=detached,
            # Of the sandbox's own only: a fake neither writes to a real database nor mails by a real server.
            environment={
                **os.environ,
                "SMTP_URL": "",
                **self.environment({}),
                GESTAO_SCOUTER: self._postgres.url("gestao_scouter"),
            },
        )
        self._children.append(child)
        deadline = time.monotonic() + START_SECONDS
        while not (upstream.ready.is_file() and upstream.ready.stat().st_size):
            if child.poll() is not None or time.monotonic() > deadline:
                raise SandboxError(f"The fake {upstream.name} did not start; see {upstream.output}.")
            time.sleep(0.05)

    def _create_roles(self) -> None:
        """The roles that every Supabase project has."""
        roles = {"anon": "", "authenticated": "", "service_role": "bypassrls"}
        with psycopg.connect(self._postgres.url(), autocommit=True) as connection:
            known = {name for (name,) in connection.execute("select rolname from pg_roles")}
            for role, option in roles.items():
                if role not in known:
                    connection.execute(f"create role {role} nologin {option}")

    def _create_database(self, name: str, build: Build | None) -> None:
        url = self._postgres.create_database(name)
        if build is None:
            return
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "select count(*) from pg_tables where schemaname = 'public'"
            ).fetchone()
            if tables == (0,):
                build(connection)

    def _dagster_home(self) -> None:
        """Dagster's home holds a link to the one instance file, so that demo and production share it."""
        home = self.home / "dagster"
        home.mkdir(mode=0o700, exist_ok=True)
        link = home / "dagster.yaml"
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(ROOT / "dagster.yaml")
