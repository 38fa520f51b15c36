"""The preflight: is the function the one we know, may our role call it, and can it work?

It only reads. It raises what makes a call useless, and returns notes on what is unusual.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipelines.aimindset.backup import coverage
from sync_pipelines.aimindset.backup.coverage import COVERED
from sync_pipelines.aimindset.database import WHAT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import require_sight

FUNCTION = "public.backup_all_data()"
AUTO = "auto_backup"
#: The types that its versions have returned.
_RETURNS = {"json", "jsonb", "text"}


@dataclass(frozen=True)
class Preflight:
    """Columns without a copy, notes for a person, and whether `backup_logs` takes the type `auto_backup`."""

    uncovered: dict[str, list[str]]
    notes: tuple[str, ...]
    takes_auto_backup: bool


def check(connection: Connection) -> Preflight:
    """Check a project. Raises PermanentError if a call cannot work."""
    with postgres.errors_about(WHAT):
        _require_writable(connection)
        notes = list(_require_function(connection))
        require_sight(connection, [table.source for table in COVERED], WHAT)
        live = coverage.live_columns(
            connection, [name for table in COVERED for name in (table.source, table.copy)]
        )
        notes += [f"{sentence}: the function will fail" for sentence in coverage.missing(live)]
        gaps = coverage.uncovered(live)
        notes += [f"{table}: no copy holds {', '.join(names)}" for table, names in gaps.items()]
        notes += _old_cron_jobs(connection)
        return Preflight(gaps, tuple(notes), takes_auto_backup(connection))


def takes_auto_backup(connection: Connection) -> bool:
    """Whether the live CHECK on `backup_logs.action_type` allows `auto_backup` (contract, section 2)."""
    rows = connection.execute(
        "select pg_get_constraintdef(oid) from pg_constraint"
        " where conrelid = to_regclass('public.backup_logs') and contype = 'c'"
    ).fetchall()
    checks = [definition for (definition,) in rows if "action_type" in definition]
    return all(f"'{AUTO}'" in definition for definition in checks)


def _require_writable(connection: Connection) -> None:
    row = connection.execute(
        "select pg_is_in_recovery() or reset_val = 'on' from pg_settings where name = 'default_transaction_read_only'"
    ).fetchone()
    if row and row[0]:
        raise PermanentError(
            f"{WHAT} takes no writes now (a replica, or a full disk made it read-only): nothing was called, and"
            " nothing can be logged there."
        )


def _require_function(connection: Connection) -> list[str]:
    found = connection.execute(
        "select pg_get_function_identity_arguments(oid), format_type(prorettype, null),"
        " has_function_privilege(oid, 'execute') from pg_proc"
        " where proname = 'backup_all_data' and pronamespace = 'public'::regnamespace order by 1"
    ).fetchall()
    without = next((row for row in found if not row[0]), None)
    if without is None:
        other = f"; there is one with arguments ({found[0][0]})" if found else ""
        raise PermanentError(f"{WHAT} has no function {FUNCTION}{other}: nothing was called.")
    if not without[2]:
        raise PermanentError(f"Our role may not execute {FUNCTION}: grant it EXECUTE.")
    if without[1] not in _RETURNS:
        raise PermanentError(f"{FUNCTION} returns {without[1]} and not json: its contract has changed.")
    notes = [f"there is another backup_all_data({arguments})" for arguments, *_ in found if arguments]
    return notes + ([f"{FUNCTION} returns {without[1]}"] if without[1] != "json" else [])


def _old_cron_jobs(connection: Connection) -> list[str]:
    """Active jobs of pg_cron that call the old backup: each makes one more backup a day."""
    row = connection.execute(
        "select coalesce(bool_or(has_schema_privilege(relnamespace, 'usage')"
        " and has_table_privilege(pg_class.oid, 'select')), false), count(*) from pg_class"
        " where relname = 'job' and relnamespace = (select oid from pg_namespace where nspname = 'cron')"
    ).fetchone()
    readable, found = row or (False, 0)
    if not readable:
        return ["our role may not see pg_cron's jobs: look that none still calls a backup"] if found else []
    jobs = connection.execute(
        "select jobname from cron.job where active and (command ilike '%backup%' or jobname ilike '%backup%')"
    ).fetchall()
    return [f"the pg_cron job {name} is still active: disable it" for (name,) in jobs]
