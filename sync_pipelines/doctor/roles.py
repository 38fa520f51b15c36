"""What a database says about itself and about the role that we come as, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString, NamedTuple

from sync_pipelines.lib.findings import Finding

OLDEST_VERSION = 15
MOST_SKEW_SECONDS = 60.0


class Facts(NamedTuple):
    """A database as one connection sees it; `skew` is its clock minus ours, in seconds."""

    version: int
    standby: bool
    read_only: bool
    api_role: bool
    sees_all: bool
    makes_tables: bool
    makes_private: bool
    makes_temporary: bool
    not_owned: tuple[str, ...]
    skew: float


_FACTS: LiteralString = """
    select
        current_setting('server_version_num')::integer / 10000,
        pg_is_in_recovery(),
        current_setting('default_transaction_read_only') = 'on',
        current_user in ('anon', 'authenticated', 'authenticator'),
        rolsuper or rolbypassrls,
        exists (
            select from pg_namespace where nspname = 'public' and has_schema_privilege(oid, 'create')
        ),
        coalesce(
            (select has_schema_privilege(oid, 'create') from pg_namespace where nspname = %(private)s),
            has_database_privilege(current_database(), 'create')
        ),
        has_database_privilege(current_database(), 'temporary'),
        array(
            select nspname || '.' || relname from pg_class
            join pg_namespace on pg_namespace.oid = relnamespace
            where nspname || '.' || relname = any(%(tables)s) and not pg_has_role(relowner, 'usage')
            order by 1
        ),
        extract(epoch from clock_timestamp())::float8
    from pg_roles where rolname = current_user
"""


def ask(connection: Any, private: str | None, tables: Sequence[str], now: float) -> Facts:
    """Ask a database; `now` is our clock in seconds of the epoch."""
    row = connection.execute(_FACTS, {"private": private, "tables": list(tables)}).fetchone()
    return Facts._make([*row[:8], tuple(row[8]), row[9] - now])


def judge(facts: Facts, *, public: bool, private: str | None, encrypted: bool | None) -> Iterator[Finding]:
    """Findings without the name of the database.

    `public` and `private` say where tables are to be made; `encrypted` is None on this machine.
    """
    if encrypted is not None:
        advice = "the connection is not encrypted: add sslmode=require to the URL"
        yield Finding(encrypted, "the connection is encrypted" if encrypted else advice)
    old = facts.version < OLDEST_VERSION
    yield Finding(
        not old,
        f"Postgres {facts.version}"
        + (f" is too old: at least {OLDEST_VERSION} is needed, upgrade the project" if old else ""),
    )
    if facts.standby or facts.read_only:
        yield Finding(
            False, "it is a read-only copy or set to read only: name the primary, and let the role write"
        )
    late = abs(facts.skew) > MOST_SKEW_SECONDS
    yield Finding(
        not late,
        f"its clock and this machine's differ by {abs(facts.skew):.0f} s"
        + (": let both keep time by NTP, or days and timeouts will be wrong" if late else ""),
    )
    lacking = list(_lacking(facts, public, private))
    yield from lacking or [Finding(True, "its role may make and change what this project needs")]


def _lacking(facts: Facts, public: bool, private: str | None) -> Iterator[Finding]:
    cure = "connect as the role that owns the tables (on Supabase: postgres)"
    if facts.api_role:
        yield Finding(False, f"its role is one of the API, which row level security is for: {cure}")
    places = [
        place
        for place, wanted, may in (
            ("tables in the schema public", public, facts.makes_tables),
            (f"the schema {private} and its tables", private is not None, facts.makes_private),
            ("temporary tables", private is not None, facts.makes_temporary),
        )
        if wanted and not may
    ]
    if places:
        yield Finding(False, f"its role may not make {', nor '.join(places)}: {cure}")
    if facts.not_owned and not facts.sees_all:
        yield Finding(
            False,
            f"its role neither owns {', '.join(facts.not_owned)} nor bypasses row level security, which would"
            f" hide rows from it: {cure}",
        )
    elif facts.not_owned:
        yield Finding(
            False, f"its role does not own {', '.join(facts.not_owned)}, and cannot migrate them: {cure}"
        )
