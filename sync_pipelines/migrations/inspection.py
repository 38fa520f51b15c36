"""What a migration would do to a database, what stands in its way, and whether its result is there.

The requirement's validation (section 6.2) as sentences, with row security and policies beside. Everything
here reads; `runner.upgrade` writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

from sync_pipelines.lib import failures, postgres
from sync_pipelines.lib.findings import Finding
from sync_pipelines.migrations import catalog, comparison, recognition, revisions, sentences
from sync_pipelines.migrations.comparison import Difference
from sync_pipelines.migrations.history import History
from sync_pipelines.migrations.live import Live
from sync_pipelines.migrations.shape import API_ROLES
from sync_pipelines.migrations.shapes import SHAPES

MIGRATE = "run `sync-pipelines migrate`"


@dataclass(frozen=True)
class Plan:
    """What `runner.upgrade` would do, in order; `refused` says why it would do nothing.

    `notes` tell what a person should know beside; those that are not `ok` wait for one.
    """

    history: History
    revision: str | None
    newest: str
    steps: tuple[str, ...]
    notes: tuple[Finding, ...]
    refused: str | None = None

    def sentences(self) -> list[str]:
        """The plan for a person to read."""
        steps = [self.refused] if self.refused else list(self.steps) or ["nothing to do"]
        return [*steps, *(note.sentence for note in self.notes)]


def plan(history: History, url: str) -> Plan:
    """Say what a migration would do to a database, over a connection that cannot write.

    Raises SyncError: the database cannot be reached or read.
    """
    with postgres.connect(url, what=history.what, read_only=True) as connection:
        live = catalog.read(connection, SHAPES[history.name])
        refused = _refusal(live, history)
        steps = [] if refused else _steps(live, history)
        notes = () if refused else tuple(_notes(connection, live, history))
    newest = revisions.newest_revision(history)
    if not refused and live.revision != newest:
        steps.append(f"record revision {newest} in {history.schema}.alembic_version")
    return Plan(
        history=history,
        revision=live.revision,
        newest=newest,
        steps=tuple(steps),
        notes=notes,
        refused=refused,
    )


def verify(history: History, url: str) -> list[Finding]:
    """Look at everything a migrated database must have, and say of each item whether it is right.

    Raises SyncError: the database cannot be reached or read.
    """
    shape = SHAPES[history.name]
    with postgres.connect(url, what=history.what, read_only=True) as connection:
        live = catalog.read(connection, shape)
    newest = revisions.newest_revision(history)
    at_newest = f"{history.what} is at revision {newest}"
    before = f"{history.what} is at revision {live.revision or 'none'}, the newest is {newest}: {MIGRATE}"
    findings = [Finding(live.revision == newest, at_newest if live.revision == newest else before)]
    if refused := _refusal(live, history):
        findings.append(Finding(False, refused))
    wanted = comparison.expected(shape, live.roles)
    wrong = {difference.item: difference for difference in comparison.compare(wanted, live.items)}
    absent = {item.on for item in wrong if item.kind in ("table", "view")}
    for item, value in wanted.items():
        if item.kind not in ("table", "view") and item.on in absent:
            continue  # said once, of the table
        if item not in wrong:
            findings.append(Finding(True, sentences.right(item, value)))
        elif _is_cured(wrong[item], live):
            findings.append(Finding(False, f"{sentences.wrong(wrong[item])}: {MIGRATE}"))
        else:
            findings.append(Finding(False, f"{sentences.wrong(wrong[item])}: {_by_hand(wrong[item], live)}"))
    return [*findings, *_absent_roles(live)]


def refuse_unknown_shape(connection: postgres.Connection, history: History) -> None:
    """Raise PermanentError where a table of ours exists in a shape that cannot be extended to ours.

    The sentence names the shape if it is a known one, what differs and what to do. Changes nothing.
    """
    _read_known(connection, history)


def require_newest(connection: postgres.Connection, history: History) -> None:
    """Raise PermanentError unless the database has the newest structure; the sentence says what to do."""
    live = _read_known(connection, history)
    if live.revision != revisions.newest_revision(history):
        raise failures.PermanentError(
            f"{history.what} is at revision {live.revision or 'none'} and not at"
            f" {revisions.newest_revision(history)}: {MIGRATE}. Nothing was read or written."
        )


def _read_known(connection: postgres.Connection, history: History) -> Live:
    with postgres.errors_about(history.what):
        live = catalog.read(connection, SHAPES[history.name])
    if refused := _refusal(live, history):
        raise failures.PermanentError(refused)
    return live


def has_drifted(connection: postgres.Connection, history: History) -> bool:
    """True where the newest revision was applied, and something of it that it would put back is gone."""
    with postgres.errors_about(history.what):
        live = catalog.read(connection, SHAPES[history.name])
    return live.revision is not None and bool(_steps(live, history))


def _refusal(live: Live, history: History) -> str | None:
    shape = SHAPES[history.name]
    return " ".join(recognition.unknown_shapes(live, shape, history.what, setting=history.setting)) or None


def _differences(live: Live, history: History) -> list[Difference]:
    return comparison.compare(comparison.expected(SHAPES[history.name], live.roles), live.items)


def _steps(live: Live, history: History) -> list[str]:
    found = [each for each in _differences(live, history) if _is_cured(each, live)]
    created = {each.item.on for each in found if each.item.kind in ("table", "view")}
    return [
        step
        for each in found
        if not (each.item.kind == "column" and each.item.on in created)
        for step in sentences.steps(each)
    ]


def _is_cured(difference: Difference, live: Live) -> bool:
    """True where the migration, which adds and repeats but never drops, would put this right."""
    item, _wanted, found = difference
    if item.kind == "index":
        return found is None and catalog.index_name(item.on, item.name) not in live.index_tables
    return found is None or item.kind in ("grants", "sequence", "view")


def _by_hand(difference: Difference, live: Live) -> str:
    """What a person has to do where the migration would not."""
    item = difference.item
    if item.kind == "index":
        index = catalog.index_name(item.on, item.name)
        return f"rename or drop index {index} of {live.index_tables.get(index, item.on)}, then {MIGRATE}"
    if item.kind in ("policy", "trigger"):
        return f"drop {item.kind} {item.name} on {item.on}, then {MIGRATE}"
    return "; ".join(sentences.steps(difference))


def _notes(connection: postgres.Connection, live: Live, history: History) -> Iterator[Finding]:
    for difference in _differences(live, history):
        if not _is_cured(difference, live):
            yield Finding(False, f"{sentences.wrong(difference)}: {_by_hand(difference, live)}")
    yield from _absent_roles(live)
    if "public.dre_hitss" in live.relations:
        yield from _foreign_rows(connection, live, history)
    if "public.automation_executions" in live.relations and (
        stuck := _count(
            connection,
            "select count(*) from public.automation_executions"
            " where status = 'running' and started_at < now() - interval '1 hour'",
        )
    ):
        yield Finding(
            True,
            f"public.automation_executions has {stuck} rows that are `running` for more than an hour: the"
            " sweeper closes those without a living worker as failed",
        )


def _foreign_rows(connection: postgres.Connection, live: Live, history: History) -> Iterator[Finding]:
    """Rows of dre_hitss that are not ours: a load sets them aside when told so, the mirror lets them be."""
    mirrored = history.name == "hitss"
    mark, foreign = ("sync_source", "is distinct from 'fabricio'") if mirrored else ("line_hash", "is null")
    query: LiteralString = "select count(*) from public.dre_hitss"
    if mark in live.relations["public.dre_hitss"].columns:
        query += f" where {mark} {foreign}"
    count = _count(connection, query)
    if count and mirrored:
        yield Finding(
            True,
            f"public.dre_hitss holds {count} rows that the mirror did not bring: they are never touched, but"
            " for those equal to a source row, which the first mirror of their month adopts",
        )
    elif count:
        yield Finding(
            False,
            f"public.dre_hitss holds {count} rows that this pipeline did not load: they stay, and stop"
            " the load until a person accepts it with no_foreign_rows, which sets them aside",
        )


def _absent_roles(live: Live) -> Iterator[Finding]:
    absent = [role for role in API_ROLES if role not in live.roles]
    if absent:
        yield Finding(
            True,
            f"the server has no role {', '.join(absent)} (Supabase has all three): grants to it are skipped",
        )


def _count(connection: postgres.Connection, query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
