"""The outside world in a box: databases, fake upstreams, and the environment that names them.

Everything lives below one private folder and survives a restart. A variable that the environment sets already
wins over the sandbox's own, so that the same demo can talk to a real service.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import psycopg

from sync_pipelines.lib import processes
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.sandbox import common
from sync_pipelines.sandbox.part import Database, Options, Part
from sync_pipelines.sandbox.upstreams import UpstreamProcess

ROOT = Path(__file__).resolve().parents[2]
#: The roles that every Supabase project has.
_ROLES = {"anon": "", "authenticated": "", "service_role": "bypassrls"}


@dataclass
class Sandbox:
    """A sandbox below `home` of these systems; `options` are values of the parts' options by name.

    Raises ValueError for an option that no part has.
    """

    home: Path
    systems: Sequence[Part]
    options: Options = field(default_factory=dict)
    parts: Sequence[Part] = field(init=False)
    _postgres: PostgresServer = field(init=False)
    _upstreams: Sequence[UpstreamProcess] = field(init=False)
    _children: list[subprocess.Popen[bytes]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.home.resolve()
        self.parts = (common.PART, *self.systems)
        defaults = {one.name: one.default for part in self.parts for one in part.options}
        if unknown := set(self.options) - set(defaults):
            raise ValueError(f"The sandbox has no option {', '.join(sorted(unknown))}.")
        self.options = defaults | dict(self.options)
        self._postgres = PostgresServer(self.home / "postgres")
        self._upstreams = [
            UpstreamProcess(upstream, self.home / upstream.name)
            for part in self.parts
            for upstream in part.upstreams
        ]

    def start(self, *, detached: bool = False) -> None:
        """Start what is not running; keeps all data of an earlier start."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._postgres.start(detached=detached)
        self._create_roles()
        self._postgres.create_database("dagster")
        for database in self._databases:
            self._create_database(database)
        given = self._without_own(os.environ)
        for process in self._upstreams:
            if not process.upstream.is_replaced(given):
                environment = self._environment_of_fakes()
                child = process.start(self.options, environment=environment, detached=detached)
                self._children += [child] if child else []
        self._create_dagster_home()
        own = self.environment({})
        for part in self.parts:
            part.connect(own)
        # Of the values only a hash: passwords and keys lie in their own files.
        hashes = {name: _hash(value) for name, value in own.items()}
        processes.write_private(self._published, json.dumps(hashes))

    def migrate(self, environment: Mapping[str, str]) -> None:
        """Bring the databases that `environment` names to the newest structure."""
        for database in self._databases:
            chosen = [one for one in database.choices if environment.get(one.name.upper()) == "true"]
            for history in (database.history, *chosen):
                if history is not None:
                    runner.upgrade(history, environment[database.setting])

    def stop(self) -> None:
        """Stop the upstreams, then the database."""
        for process in reversed(self._upstreams):
            process.stop()
        for child in self._children:
            child.wait()
        self._children.clear()
        self._postgres.stop()

    def switches(self) -> dict[str, str]:
        """Where the faults of each running fake are listed and switched, by the fake's name."""
        return {
            process.upstream.name: address
            for process in self._upstreams
            for address in process.switches().values()
        }

    def replaced(self, given: Mapping[str, str]) -> set[str]:
        """The fakes that do not run because `given` names a real service in their place."""
        foreign = self._without_own(given)
        return {process.upstream.name for process in self._upstreams if process.upstream.is_replaced(foreign)}

    def status(self) -> dict[str, bool]:
        """Whether the database server and each fake run, by name."""
        running = {process.upstream.name: process.is_running for process in self._upstreams}
        return {"postgres": self._postgres.is_running(), **running}

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The variables that name this sandbox; those that `given` sets already keep their value."""
        given = self._without_own(given)
        own = self._base()
        for part in self.parts:
            own |= part.variables(self.home, given)
        for process in self._upstreams:
            if not process.upstream.is_replaced(given):
                own |= process.variables() | process.switches()
        values = {name: given.get(name) or value for name, value in own.items()}
        return values | {name: given[name] for name in self._variables_of_fakes if given.get(name)}

    def _base(self) -> dict[str, str]:
        databases = {
            database.setting: self._postgres.url(database.name)
            for database in self._databases
            if not database.for_fakes
        }
        return {
            "SYNC_ENV": "demo",
            "LANDING_URL": str(self.home / "landing"),
            "DAGSTER_HOME": str(self.home / "dagster"),
            # A range run writes its materializations in batches instead of one by one.
            "DAGSTER_EVENT_BATCH_SIZE": "200",
            # Dagster opens a connection for each of thousands of events: the socket is three times as quick.
            "DAGSTER_PG_URL": self._postgres.socket_url("dagster"),
            "SCRATCH_DATABASE_URL": self._postgres.url(),
            **databases,
        }

    def _environment_of_fakes(self) -> dict[str, str]:
        """Of the sandbox's own only: a fake neither writes to a real database nor mails by a real server."""
        databases = {
            database.setting: self._postgres.url(database.name)
            for database in self._databases
            if database.for_fakes
        }
        unset = dict.fromkeys(self._variables_of_fakes, "")
        return {**os.environ, **unset, **self.environment({}), **databases}

    def _without_own(self, given: Mapping[str, str]) -> dict[str, str]:
        """The variables of `given` that did not come from this sandbox.

        Otherwise a shell that has the sandbox's variables would prevent the next start of every fake.
        """
        hashes = json.loads(self._published.read_text()) if self._published.is_file() else {}
        return {name: value for name, value in given.items() if hashes.get(name) != _hash(value)}

    @property
    def _published(self) -> Path:
        return self.home / "published.json"

    @property
    def _databases(self) -> list[Database]:
        return [database for part in self.parts for database in part.databases]

    @property
    def _variables_of_fakes(self) -> set[str]:
        return {name for process in self._upstreams for name in process.upstream.variables}

    def _create_roles(self) -> None:
        with psycopg.connect(self._postgres.url(), autocommit=True) as connection:
            known = {name for (name,) in connection.execute("select rolname from pg_roles")}
            for role, option in _ROLES.items():
                if role not in known:
                    connection.execute(f"create role {role} nologin {option}")

    def _create_database(self, database: Database) -> None:
        url = self._postgres.create_database(database.name)
        if database.build is None:
            return
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "select count(*) from pg_tables where schemaname = 'public'"
            ).fetchone()
            if tables == (0,):
                database.build(connection, self.options)

    def _create_dagster_home(self) -> None:
        """Dagster's home holds a link to the one instance file, so that demo and production share it."""
        home = self.home / "dagster"
        home.mkdir(mode=0o700, exist_ok=True)
        link = home / "dagster.yaml"
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(ROOT / "dagster.yaml")


def _hash(value: str) -> str:
    return sha256(value.encode()).hexdigest()
