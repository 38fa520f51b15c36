"""Fields that both sides had changed: the list, and a person's choice of the other value.

A merge keeps the later change and lists the other one in `sync_private.lead_conflicts` of TabuladorMax. Who chooses the
other value writes it to TabuladorMax; the next push brings it to Gestão Scouter, like any change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.contract_columns import SHOWN
from sync_pipelines.scouter.mapping.field_hashes import MISSING, is_refused
from sync_pipelines.scouter.reverse.sql_files import statement
from sync_pipelines.scouter.reverse.statements import Statements
from sync_pipelines.scouter.reverse.write import LeadWriter

Choice = Literal["kept", "other"]


class ListedConflict(NamedTuple):
    """A conflict as a person sees it: a value that may be personal is told by its length only."""

    id: int
    lead_id: int
    field: str
    here: str
    there: str
    kept: str
    reason: str
    decided_at: datetime


class _Open(NamedTuple):
    """A conflict that nobody has decided about, with its values."""

    id: int
    lead_id: int
    field: str
    source_column: str
    kept: str
    other: str


def open_conflicts(leads: postgres.Connection, *, most: int) -> list[ListedConflict]:
    """The newest conflicts that nobody has decided about."""
    rows = leads.execute(
        "select id, lead_id, field, source_column, here_value, there_value, kept, reason, decided_at"
        " from sync_private.lead_conflicts"
        " where chosen is null order by id desc limit %s",
        (most,),
    ).fetchall()
    return [
        ListedConflict(
            number,
            lead_id,
            name,
            here=shown(here, (name, source)),
            there=shown(there, (name, source)),
            kept="TabuladorMax" if kept == "here" else "Gestão Scouter",
            reason=reason,
            decided_at=decided_at,
        )
        for number, lead_id, name, source, here, there, kept, reason, decided_at in rows
    ]


def count_open(leads: postgres.Connection) -> int:
    """How many conflicts nobody has decided about."""
    row = leads.execute("select count(*) from sync_private.lead_conflicts where chosen is null").fetchone()
    return int(row[0]) if row else 0


def forget(leads: postgres.Connection, days: int) -> int:
    """Delete conflicts after so many days: they hold values of leads. Returns how many."""
    return leads.execute(
        "delete from sync_private.lead_conflicts where decided_at < now() - make_interval(days => %s)",
        (days,),
    ).rowcount


def shown(value: str | None, columns: Collection[str]) -> str:
    """A JSON value for logs and the UI, where none of its columns, here and there, may be personal."""
    if value is None or value == "null":
        return "empty"
    return value[:200] if SHOWN.issuperset(columns) else f"{len(value)} characters, not shown"


def choose(
    leads: postgres.Connection, statements: Statements, *, ids: Collection[int], choice: Choice
) -> int:
    """Decide about conflicts, all or none; returns how many leads were written.

    Raises PermanentError naming the conflict that is not open, whose field has changed since, or whose other value
    TabuladorMax does not take.
    """
    with leads.transaction():
        found = _open(leads, ids)
        if missing := sorted(set(ids) - {one.id for one in found}):
            raise PermanentError(f"Conflict {missing[0]} is not there, or was decided about already.")
        written = _take_other(leads, statements, found) if choice == "other" else 0
        leads.execute(
            "update sync_private.lead_conflicts set chosen = %s, chosen_at = now() where id = any(%s::bigint[])",
            (choice, postgres.array(ids)),
        )
    return written


def _open(leads: postgres.Connection, ids: Collection[int]) -> list[_Open]:
    rows = leads.execute(
        "select id, lead_id, field, source_column, case kept when 'here' then here_value else there_value end,"
        " case kept when 'here' then there_value else here_value end from sync_private.lead_conflicts"
        " where id = any(%s::bigint[]) and chosen is null order by id for update",
        (postgres.array(ids),),
    ).fetchall()
    return [
        _Open(number, lead_id, name, source_column=source, kept=kept or "null", other=other or "null")
        for number, lead_id, name, source, kept, other in rows
    ]


def _take_other(leads: postgres.Connection, statements: Statements, found: Sequence[_Open]) -> int:
    """Write the other values, each as if it had been announced; the kept ones tell whether the field is as it was."""
    leads.execute(statement("create_readings"))
    rows = [
        (number, one.lead_id, f'{{"lead": {{"{one.field}": {value}}}}}')
        for one in found
        for number, value in ((one.id, one.other), (-one.id, one.kept))
    ]
    postgres.copy_rows(leads, "readings", ("id", "lead_id", "payload"), rows=rows)
    leads.execute(statement("unpack_leads"))
    hashes = {row[0]: row[3] for row in leads.execute(statements.read_readings).fetchall()}
    ids = postgres.array({one.lead_id for one in found})
    here = {row[0]: row[1] for row in leads.execute(statements.lock_leads, {"ids": ids}).fetchall()}
    takes: dict[int, dict[str, int]] = {}
    for one in found:
        _require_takable(one, here.get(one.lead_id), statements, hashes=hashes)
        takes.setdefault(one.lead_id, {})[one.field] = one.id
    refused = LeadWriter(leads, statements).write(takes, frozenset())
    for lead_id, fields in refused.items():
        name, reason = next(iter(fields.items()))
        raise PermanentError(
            f"TabuladorMax does not take the other value of {name} of lead {lead_id}: {reason}"
        )
    after = {row[0]: row[1] for row in leads.execute(statements.lock_leads, {"ids": ids}).fetchall()}
    read = statements.fields.read
    for one in found:
        kept = after.get(one.lead_id)
        if kept is None or read(kept)[one.field] != read(hashes[one.id])[one.field]:
            raise PermanentError(
                f"TabuladorMax does not keep the other value of {one.field} of lead {one.lead_id}."
            )
    return len(takes)


def _require_takable(
    one: _Open, here: str | None, statements: Statements, *, hashes: Mapping[int, str]
) -> None:
    read = statements.fields.read
    subject = f"Conflict {one.id} (lead {one.lead_id}, {one.field})"
    if one.field in statements.reverse.one_way:
        raise PermanentError(
            f"{subject}: the field cannot be taken back; edit the columns that it is made of."
        )
    sources = [each.source for each in statements.reverse.fields if each.destination == one.field]
    if sources not in ([], [one.source_column]):
        raise PermanentError(
            f"{subject}: another column of TabuladorMax fills the field now; look at the lead."
        )
    other = read(hashes[one.id]).get(one.field, MISSING)
    if one.field not in statements.fields.names or is_refused(other):
        raise PermanentError(f"{subject}: TabuladorMax has no column that takes the other value.")
    if here is None or read(here)[one.field] != read(hashes[-one.id]).get(one.field):
        raise PermanentError(f"{subject}: the field was changed since; look at the lead.")
