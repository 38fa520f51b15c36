"""One Postgres server of our own below one private folder, for the demo and for the tests.

A supervisor rather than the package's: it believes in a server only when a living `postgres` process of this
folder takes a connection with this folder's password. What a crash leaves behind (a zombie, a lock file whose
number now belongs to another program, backends without their postmaster) is cleared by the next `start`, and
committed data survive. With `durable=False` a kill may cost the last second's commits, and a power cut all.

Who ends the server: `stop`, from any process. On Linux one started with `detached=False` from the main thread
also ends with the process that started it, however that process dies, and for whoever attached to it too.
Elsewhere it outlives a killed holder; the next `start` then attaches to it.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psutil
import psycopg
from psycopg import errors, sql

from sync_pipelines.lib.postgres.embedded_binaries import Account, PostgresError, choose_runner
from sync_pipelines.lib.processes import end_all, lives

HOST = "127.0.0.1"
START_SECONDS = 120.0  # a slow disk may need this long to replay max_wal_size
ATTEMPTS = 3  # another program may take the port between our look and Postgres's bind
FAST_STOP = (signal.SIGINT, 60.0)
AT_ONCE = (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)

NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass
class PostgresServer:
    """`account` forces the way to run; it counts on the first start of a home, which later starts follow."""

    home: Path
    durable: bool = True
    account: Account | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.home = Path(self.home).resolve()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self, *, detached: bool = False) -> None:
        """Attaches to this home's living server, or starts one; two callers at once get the same one."""
        with self._alone():
            deadline = time.monotonic() + START_SECONDS
            for _ in range(ATTEMPTS):
                if self._ready(self._postmaster, deadline):
                    return
                self._clear_remains()
                if self._ready(partial(lives, self._launch(detached)), deadline):
                    return
            raise self._error("Postgres did not start")

    def stop(self) -> None:
        if not self.home.is_dir():
            return
        with self._alone():
            if postmaster := self._postmaster():
                end_all([postmaster], FAST_STOP, *AT_ONCE)
            self._clear_remains()

    def remove(self) -> None:
        """Stops it and removes every file, those too that a server of nobody's keeps in the temp folder."""
        self.stop()
        shutil.rmtree(self._data().parent, ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def is_running(self) -> bool:
        if self._postmaster() is None:
            return False
        with suppress(psycopg.OperationalError), self._connect():
            return True
        return False

    def url(self, database: str = "postgres") -> str:
        try:
            password, port = (self.home / "password").read_text(), self._state()["port"]
        except (FileNotFoundError, KeyError):
            raise PostgresError(f"{self.home} has no server yet: start it first.") from None
        return f"postgresql://postgres:{password}@{HOST}:{port}/{quote(database, safe='')}"

    def socket_url(self, database: str) -> str:
        """By the socket in the private folder, without password: a third of the time to connect."""
        self.url(database)  # which says so where there is no server yet
        state = self._state()
        return (
            f"postgresql://postgres@/{quote(database, safe='')}?host={state['socket']}&port={state['port']}"
        )

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """Returns its URL. An existing database is fine, unless it was to be a copy of `template`."""
        statement = sql.SQL("create database {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" template {}").format(sql.Identifier(template))
        if not self.durable:  # its two checkpoints cost nothing then, and no page goes through the log
            statement += sql.SQL(" strategy file_copy")
        try:
            with self._connect() as connection:
                connection.execute(statement)
        except (errors.DuplicateDatabase, errors.UniqueViolation) as error:  # the latter: two at once
            if template is not None:
                raise PostgresError(f"Database {name} exists: drop it to copy {template} anew.") from error
        except errors.ObjectInUse as error:
            raise PostgresError(f"Database {template} is in use: close its connections first.") from error
        return self.url(name)

    def drop_database(self, *names: str) -> None:
        """Drops those of them that exist, whoever is connected to them."""
        if not names:
            return
        with self._connect() as connection:
            for name in names:
                statement = sql.SQL("drop database if exists {} with (force)")
                connection.execute(statement.format(sql.Identifier(name)))

    def _launch(self, detached: bool) -> int:
        """Starts a server, at first after `initdb`; returns its process number."""
        state = self._state()
        place = Path(state["place"]) if state.get("place") else None
        runner = choose_runner(self.home, state.get("account") or self.account, place)
        state = {
            "port": _free_port(state.get("port", 0)),
            "account": runner.account,
            "place": None if runner.place == self.home else str(runner.place),  # a home can be moved
            "socket": str(runner.socket_folder()),
        }
        self._keep("server.json", json.dumps(state))
        if not (self.home / "password").is_file():
            self._keep("password", secrets.token_urlsafe(24))
        settings = [f"listen_addresses={HOST}", f"port={state['port']}", f"cluster_name={self._mark()}"]
        settings += [f"unix_socket_directories={state['socket']}", *(() if self.durable else NOT_DURABLE)]
        data, password = self._data(), (self.home / "password").read_text()
        with self._log() as log:
            if not data.is_dir() and not runner.initdb(data, password, log):
                raise self._error("initdb could not create the database files")
            pid, self._child = runner.postgres(data, settings, log, detached=detached)
        return pid

    def _ready(self, alive: Callable[[], object], deadline: float) -> bool:
        """Waits for a server that may still be recovering, or ending; False when it is gone."""
        while alive():
            if self.is_running():
                return True
            if time.monotonic() > deadline:
                raise self._error("Postgres takes no connections: wait, or stop it and start again")
            time.sleep(0.02)
        return False

    def _clear_remains(self) -> None:
        """What a postmaster that is no more has left; Postgres would believe in its lock file."""
        # A busy backend outlives its postmaster and holds the shared memory that a new one needs.
        end_all([process for process in psutil.process_iter() if self._is_ours(process)], *AT_ONCE)
        if self._child:
            self._child.wait(AT_ONCE[-1][1])
        (self._data() / "postmaster.pid").unlink(missing_ok=True)
        if folder := self._state().get("socket"):
            shutil.rmtree(folder, ignore_errors=True)

    def _postmaster(self) -> psutil.Process | None:
        with suppress(FileNotFoundError, ValueError, psutil.Error):
            process = psutil.Process(int((self._data() / "postmaster.pid").read_text().split("\n", 1)[0]))
            return process if self._is_ours(process) else None
        return None

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            if process.name() == "postgres" and lives(process.pid):
                # The mark is in the postmaster's arguments and its backends' titles: root can read them even
                # where a container hides the working folder of nobody's processes. No title: it is dying.
                title = " ".join(process.cmdline())
                return not title or self._mark() in title or Path(process.cwd()) == self._data()
        return False

    def _connect(self) -> psycopg.Connection[Any]:
        # What the environment says of other servers (PGOPTIONS, PGSSLMODE) is not for this one.
        return psycopg.connect(self.url(), autocommit=True, connect_timeout=5, options="", sslmode="disable")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds the home against every other process and thread that would start or stop its server."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.home.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PostgresError(f"{self.home} is open to others or not yours: name a folder of your own.")
        with (self.home / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _log(self) -> Iterator[int]:
        path = self.home / "postgres.log"
        if path.exists() and path.stat().st_size > 10_000_000:
            path.replace(path.with_suffix(".log.1"))
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _error(self, what: str) -> PostgresError:
        log = self.home / "postgres.log"
        lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
        return PostgresError("\n  ".join([f"{what}; {log} ends:", *lines[-8:]]))

    def _state(self) -> dict[str, Any]:
        path = self.home / "server.json"
        return dict(json.loads(path.read_text())) if path.is_file() else {}

    def _keep(self, name: str, text: str) -> None:
        """Writes a private file of the home, whole or not at all."""
        new = self.home / f"{name}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        new.replace(self.home / name)

    def _data(self) -> Path:
        return Path(self._state().get("place") or self.home) / "data"

    def _mark(self) -> str:
        return "sync-" + hashlib.sha256(os.fsencode(self._data())).hexdigest()[:16]


def _free_port(wanted: int) -> int:
    """The wanted port if it is free, else one of the system's choice."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Postgres does
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise PostgresError(f"No port is free on {HOST}: too many connections are open on this machine.")
