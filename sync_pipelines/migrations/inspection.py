"""What a migration would do to a database, what stands in its way, and whether its result is there.

The requirement's validation (section 6.2) as sentences, with row security and policies beside. Everything
here reads; `runner.upgrade` writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync_pipelines.lib import failures, postgres
from sync_pipelines.lib.findings import Finding
from sync_pipelines.migrations import (
    catalog,
    comparison,
    cures,
    notes,
    recognition,
    revisions,
    sentences,
    uniqueness,
)
from sync_pipelines.migrations.comparison import Difference
from sync_pipelines.migrations.history import History
from sync_pipelines.migrations.live import Live
from sync_pipelines.migrations.shape import load_shape


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
        live = catalog.read(connection, load_shape(history))
        refused = _refusal(connection, live, history)
        steps = [] if refused else _steps(live, history)
        found = () if refused else tuple(_notes(connection, live, history))
    newest = revisions.newest_revision(history)
    if not refused and live.revision != newest:
        steps.append(f"record revision {newest} in {history.schema}.{history.version_table}")
    return Plan(
        history=history,
        revision=live.revision,
        newest=newest,
        steps=tuple(steps),
        notes=found,
        refused=refused,
    )


def verify(history: History, url: str) -> list[Finding]:
    """Look at everything a migrated database must have, and say of each item whether it is right.

    Raises SyncError: the database cannot be reached or read.
    """
    shape = load_shape(history)
    with postgres.connect(url, what=history.what, read_only=True) as connection:
        live = catalog.read(connection, shape)
        refused = _refusal(connection, live, history)
    newest = revisions.newest_revision(history)
    at_newest = f"{history.what} is at revision {newest}"
    before = (
        f"{history.what} is at revision {live.revision or 'none'}, the newest is {newest}: {cures.MIGRATE}"
    )
    findings = [Finding(live.revision == newest, at_newest if live.revision == newest else before)]
    if refused:
        findings.append(Finding(False, refused))
    wanted = comparison.expected(shape, live.roles)
    wrong = {difference.item: difference for difference in comparison.compare(wanted, live.items)}
    absent = {item.on for item in wrong if item.kind in ("table", "view")}
    for item, value in wanted.items():
        if item.kind not in ("table", "view") and item.on in absent:
            continue  # said once, of the table
        if item not in wrong:
            findings.append(Finding(True, sentences.right(item, value)))
        elif cures.is_cured(wrong[item], live):
            findings.append(Finding(False, f"{sentences.wrong(wrong[item])}: {cures.MIGRATE}"))
        else:
            findings.append(
                Finding(False, f"{sentences.wrong(wrong[item])}: {cures.by_hand(wrong[item], live)}")
            )
    return [*findings, *notes.about_roles(live)]


def refuse_unknown_shape(connection: postgres.Connection, history: History) -> None:
    """Raise PermanentError where a table of ours exists in a shape that cannot be extended to ours.

    The sentence names the shape if it is a known one, what differs and what to do; or the rows that repeat what is to
    be unique. Changes nothing.
    """
    _read_known(connection, history)


def require_newest(connection: postgres.Connection, history: History) -> None:
    """Raise PermanentError unless the database has the newest structure; the sentence says what to do."""
    live = _read_known(connection, history)
    if live.revision != revisions.newest_revision(history):
        raise failures.PermanentError(
            f"{history.what} is at revision {live.revision or 'none'} and not at"
            f" {revisions.newest_revision(history)}: {cures.MIGRATE}. Nothing was read or written."
        )


def _read_known(connection: postgres.Connection, history: History) -> Live:
    with postgres.errors_about(history.what):
        live = catalog.read(connection, load_shape(history))
        refused = _refusal(connection, live, history)
    if refused:
        raise failures.PermanentError(refused)
    return live


def has_drifted(connection: postgres.Connection, history: History) -> bool:
    """True where the newest revision was applied, and something of it that it would put back is gone."""
    with postgres.errors_about(history.what):
        live = catalog.read(connection, load_shape(history))
    return live.revision is not None and bool(_steps(live, history))


def _refusal(connection: postgres.Connection, live: Live, history: History) -> str | None:
    shape = load_shape(history)
    unknown = list(recognition.unknown_shapes(live, shape, history.what, setting=history.setting))
    repeated = uniqueness.repeated_rows(connection, live, shape, what=history.what, migrate=cures.MIGRATE)
    # A table of another shape is not read: what repeats in it says nothing.
    return " ".join(unknown or repeated) or None


def _differences(live: Live, history: History) -> list[Difference]:
    return comparison.compare(comparison.expected(load_shape(history), live.roles), live.items)


def _steps(live: Live, history: History) -> list[str]:
    found = [each for each in _differences(live, history) if cures.is_cured(each, live)]
    created = {each.item.on for each in found if each.item.kind in ("table", "view")}
    return [
        step
        for each in found
        if not (each.item.kind == "column" and each.item.on in created)
        for step in sentences.steps(each)
    ]


def _notes(connection: postgres.Connection, live: Live, history: History) -> Iterator[Finding]:
    for difference in _differences(live, history):
        if not cures.is_cured(difference, live):
            yield Finding(False, f"{sentences.wrong(difference)}: {cures.by_hand(difference, live)}")
    yield from notes.about_roles(live)
    yield from notes.about_rows(connection, live, load_shape(history))
