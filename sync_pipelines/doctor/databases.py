"""One configured database: can we connect, is the connection fit for sessions, are its tables as they should be?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sync_pipelines.doctor import roles
from sync_pipelines.lib import network
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Finding, Inquiry
from sync_pipelines.lib.redaction import MASK, redact

if TYPE_CHECKING:  # slow to import
    import psycopg

    from sync_pipelines.migrations.history import History
    from sync_pipelines.settings import Settings
    from sync_pipelines.settings.databases import NamedDatabase

SESSION_MODE = (
    "use session mode, port 5432 of the pooler: this project holds locks and temporary tables in a session"
)
_TRANSACTION_PORT = "6543"
_ENCODE = "encode special characters of the password (@ is %40, / is %2F, # is %23)"

#: What servers and poolers say when they refuse a connection. A sentence in another language is shown as it came.
_REFUSALS = (
    (r"tenant or user not found", "the pooler does not know the user: there it is postgres.<project>"),
    (
        r"authentication failed|wrong password|role .* does not exist|invalid password",
        f"the user or the password is wrong: check both, and {_ENCODE}",
    ),
    (r"no password supplied", "the URL has no password: add it"),
    (r"database .* does not exist", "the server has no database of this name: check the end of the URL"),
    (r"no pg_hba\.conf entry", "the server does not let this user in from here: try sslmode=require"),
    (
        r"certificate verify failed|root certificate",
        "the server's certificate is not trusted: name its CA in sslrootcert of the URL",
    ),
    (r"does not support SSL", "the server offers no TLS, and the URL asks for it"),
    (r"unsupported startup parameter", f"a pooler stands between that is not fit: {SESSION_MODE}"),
    (
        r"max ?clients|too many (clients|connections)|connection slots|EMAXCONN",
        "all connections are taken: close some, or raise the limit",
    ),
)


@dataclass(frozen=True)
class _Database:
    """A database that a setting names: with its migrations, or (Dagster's own) without."""

    url: str
    history: History | None
    #: Further ones over it, which its owner chose.
    chosen: tuple[History, ...]
    #: False where tables in the schema public are not ours to make.
    makes_tables: bool


def check(named: NamedDatabase, settings: Settings, inquiry: Inquiry) -> Iterator[Finding]:
    """Everything about one database, in the order in which a person would put it right."""
    from sync_pipelines.migrations.history import histories

    url = named.url(settings)
    assert url is not None
    found = histories(named.name, named.chosen(settings)) if named.is_migrated(settings) else []
    database = _Database(
        url,
        found[0] if found else None,
        chosen=tuple(found[1:]),
        makes_tables=named.database.makes_tables,
    )
    for finding in _check(database, inquiry.resolve, inquiry.now):
        yield Finding(finding.ok, f"{named.variable}: {finding.sentence}")


def _check(database: _Database, resolve: network.Resolver, now: Callable[[], datetime]) -> Iterator[Finding]:
    import psycopg

    parts = _parts(database.url)
    if parts is None:
        yield Finding(False, f"it cannot be read as a connection URL: {_ENCODE}")
        return
    if parts.get("port") == _TRANSACTION_PORT:
        yield Finding(
            False, f"port {_TRANSACTION_PORT} is the transaction mode of the pooler: {SESSION_MODE}"
        )
    try:
        host = parts.get("hostaddr") or parts.get("host", "")
        if host and "," not in host and not host.startswith(("/", "@")):
            with network.connect(host, int(parts.get("port") or 5432), resolve) as line:
                parts["hostaddr"] = line.getpeername()[0]
        with _open(parts) as connection:
            yield from _look(database, parts, connection, now=now)
    except network.UnreachableError as error:
        yield Finding(False, str(error))
    except SyncError as error:
        yield Finding(False, _without_user(str(error), parts))
    except psycopg.Error as error:
        yield Finding(False, _refusal(error, parts))


def _look(
    database: _Database,
    parts: Mapping[str, str],
    connection: psycopg.Connection[Any],
    now: Callable[[], datetime],
) -> Iterator[Finding]:
    yield Finding(True, "the server answers and lets us in")
    if parts.get("port") != _TRANSACTION_PORT:
        shared = _shares_backend(connection, parts)
        mode = "a session keeps its server process" if not shared else "a pooler in transaction mode answers"
        yield Finding(not shared, f"{mode}: {SESSION_MODE}" if shared else mode)
    tables: list[str] = []
    private = None
    if database.history is not None:
        from sync_pipelines.migrations.shape import load_shape

        shape = load_shape(database.history)
        tables = [*shape.tables, *(table for table, _column in shape.allowed)]
        private = shape.private
    facts = roles.ask(connection, private, tables, now=now().timestamp())
    public = database.makes_tables and (
        private is None or any(table.startswith("public.") for table in tables)
    )
    local = network.is_local(parts.get("hostaddr") or parts.get("host", ""))
    encrypted = None if local else bool(connection.pgconn.ssl_in_use)
    yield from roles.judge(facts, public=public, private=private, encrypted=encrypted)
    if database.history is not None:
        for history in (database.history, *database.chosen):
            yield from _structure(history, parts)


def _structure(history: History, parts: Mapping[str, str]) -> Iterator[Finding]:
    from psycopg.conninfo import make_conninfo

    from sync_pipelines.migrations import cures, inspection

    plan = inspection.plan(history, make_conninfo(**parts))
    if plan.refused:
        yield Finding(False, plan.refused)
    elif plan.steps:
        shown = "; ".join(plan.steps[:3]) + ("; …" if len(plan.steps) > 3 else "")
        yield Finding(
            False, f"{len(plan.steps)} steps of migration are to be done ({shown}): {cures.MIGRATE}"
        )
    else:
        yield Finding(
            True, f"its tables, columns, indexes and permissions are those of revision {plan.newest}"
        )
    yield from plan.notes


def _open(parts: Mapping[str, str]) -> psycopg.Connection[Any]:
    import psycopg
    from psycopg.conninfo import make_conninfo

    return psycopg.connect(
        make_conninfo(**parts),
        autocommit=True,
        connect_timeout=int(network.CONNECT_SECONDS),
        application_name="sync_pipelines doctor",
        prepare_threshold=None,
    )


def _shares_backend(first: psycopg.Connection[Any], parts: Mapping[str, str]) -> bool:
    """Whether two open sessions share a server process, or one changes its own: a pooler in transaction mode."""
    import psycopg

    def process(connection: psycopg.Connection[Any]) -> int:
        row = connection.execute("select pg_backend_pid()").fetchone()
        return int(row[0]) if row else 0

    own = process(first)
    try:
        for _ in range(2):
            with _open(parts) as second, second.transaction():
                if process(second) == own or process(first) != own:
                    return True
    except psycopg.Error:
        return False  # no second connection: nothing is known
    return False


def _parts(url: str) -> dict[str, str] | None:
    """The URL as libpq reads it; None if that cannot be what its author meant."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = conninfo_to_dict("postgresql://" + url.split("://", 1)[-1])
    except psycopg.Error:
        return None
    parts = {name: str(value) for name, value in found.items() if value is not None}
    # A password with / or @ in it ends early, and its rest is taken for the host or the database.
    if any("@" in parts.get(name, "") for name in ("host", "dbname")):
        return None
    return parts if re.fullmatch(r"[\d,]*", parts.get("port", "")) else None


def _refusal(error: psycopg.Error, parts: Mapping[str, str]) -> str:
    text = " ".join(str(error).split("\nDETAIL", maxsplit=1)[0].split())
    for pattern, sentence in _REFUSALS:
        if re.search(pattern, text, re.IGNORECASE):
            return sentence
    return f"the server refused the connection or a question: {_without_user(text, parts)[:300]}"


def _without_user(text: str, parts: Mapping[str, str]) -> str:
    for secret in (parts.get("password", ""), parts.get("user", "")):
        if secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    return redact(text)
