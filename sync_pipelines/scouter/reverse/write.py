"""Writes what a merge decided to the leads of TabuladorMax, down to the single field that its rules refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import from_postgres
from sync_pipelines.scouter.reverse.sql_files import statement
from sync_pipelines.scouter.reverse.statements import Statements

#: Classes of SQLSTATE that say something of the server, the connection or our statement. Any other one is the row's: a
#: trigger may raise what it likes.
_NOT_THE_ROWS = ("08", "25", "26", "28", "3D", "3F", "40", "53", "54", "55", "57", "58", "F0", "HV", "XX")
_UNDEFINED = {"42P01", "42703", "42883", "42601"}
#: By lead the fields that were refused, each with the reason.
Refused = dict[int, dict[str, str]]


@dataclass
class LeadWriter:
    """Writes in the caller's transaction; each attempt is a savepoint, at whose end deferred rules have been run."""

    leads: postgres.Connection
    statements: Statements
    _refused: Refused = field(default_factory=dict)
    _takes: dict[int, Mapping[str, int]] = field(default_factory=dict)

    def write(self, takes: Mapping[int, Mapping[str, int]], new: frozenset[int]) -> Refused:
        """Write by lead the reading that each field is taken from; `new` leads are made first."""
        if not takes:
            return {}
        readings = {reading for fields in takes.values() for reading in fields.values()}
        self.leads.execute(self.statements.stage_values, {"readings": postgres.array(sorted(readings))})
        self.leads.execute(
            statement("stage_decisions"),
            {
                "ids": postgres.array(takes),
                "takes": [self.statements.takes(fields) for fields in takes.values()],
            },
        )
        self._takes = dict(takes)
        self._write(sorted(takes), takes, new)
        return self._refused

    def fill(self, readings: Sequence[int]) -> None:
        """Fill the first of several columns of new leads from the value that is made of them there."""
        for one in self.statements.fill_first_source if readings else ():
            try:
                with self.leads.transaction():
                    self.leads.execute(one, {"readings": postgres.array(readings)})
                    self.leads.execute("set constraints all immediate")
            except psycopg.Error as error:  # then the value is listed as a conflict
                _require_row_error(error)

    def touch(self, ids: Sequence[int]) -> dict[int, str]:
        """Date these leads now, so that the next push takes them; returns their `updated_at`."""
        if not ids:
            return {}
        try:
            with self.leads.transaction():
                rows = self.leads.execute(statement("touch_leads"), {"ids": postgres.array(ids)}).fetchall()
                self.leads.execute("set constraints all immediate")
        except psycopg.Error as error:
            _require_row_error(error)
            # A lead that nobody may change stays as it is: a comparison sends it.
            middle = len(ids) // 2
            return {**self.touch(ids[:middle]), **self.touch(ids[middle:])} if middle else {}
        return dict(rows)

    def _write(self, ids: Sequence[int], takes: Mapping[int, Mapping[str, int]], new: frozenset[int]) -> None:
        """Write these. If the table refuses them, write their halves, down to the bad lead, field by field."""
        error = self._attempt(ids, new)
        if error is None:
            return
        if len(ids) > 1:
            middle = len(ids) // 2
            self._write(ids[:middle], takes, new)
            self._write(ids[middle:], takes, new)
        elif ids[0] in new and self._attempt_with(ids[0], {}, new) is not None:
            self._refused[ids[0]] = dict.fromkeys(takes[ids[0]], error)
        else:
            self._write_fields(ids[0], takes[ids[0]])

    def _write_fields(self, lead_id: int, fields: Mapping[str, int]) -> None:
        for name, reading in fields.items():
            if error := self._attempt_with(lead_id, {name: reading}, frozenset()):
                self._refused.setdefault(lead_id, {})[name] = error

    def _attempt_with(self, lead_id: int, fields: Mapping[str, int], new: frozenset[int]) -> str | None:
        self._takes[lead_id] = fields
        self.leads.execute(
            "update decided set takes = %s::bigint[] where lead_id = %s",
            (self.statements.takes(fields), lead_id),
        )
        return self._attempt([lead_id], new)

    def _insert(self, ids: Sequence[int]) -> None:
        """Make these leads, with all that they take: a column may have to be filled.

        One that came meanwhile is another's: the merge did not see it.
        """
        by_fields: dict[frozenset[str], list[int]] = {}
        for lead_id in ids:
            by_fields.setdefault(frozenset(self._takes[lead_id]), []).append(lead_id)
        there = 0
        for names, group in by_fields.items():
            made = self.statements.insert_leads(names)
            there += self.leads.execute(made, {"ids": postgres.array(group)}).rowcount
        swallowed = self.leads.execute(
            "select count(*) from public.leads where id = any(%s::bigint[])", (postgres.array(ids),)
        ).fetchone()
        if swallowed and swallowed[0] > there:
            raise psycopg.errors.UniqueViolation("a lead of this number came meanwhile")

    def _attempt(self, ids: Sequence[int], new: frozenset[int]) -> str | None:
        """Write these; why the table refuses them, or None."""
        try:
            with self.leads.transaction():
                if made := [lead_id for lead_id in ids if lead_id in new]:
                    self._insert(made)
                self.leads.execute(self.statements.update_leads, {"ids": postgres.array(ids)})
                self.leads.execute("set constraints all immediate")
        except psycopg.Error as error:
            _require_row_error(error)
            reason = str(from_postgres(error, what="leads"))
            return self._without_values(reason, ids[0]) if len(ids) == 1 else reason
        return None

    def _without_values(self, reason: str, lead_id: int) -> str:
        """The reason without the lead's own values: it is shown to people who may not see them."""
        for (value,) in self.leads.execute(statement("read_texts"), {"id": lead_id}).fetchall():
            # As a word: a short value may be a part of one.
            reason = re.sub(rf"(?<!\w){re.escape(' '.join(value.split()))}(?!\w)", "…", reason)
        return reason


def is_about_a_row(error: psycopg.Error) -> bool:
    """Whether a statement failed for a row: for a value, by a rule of the table, or by a trigger."""
    state = error.sqlstate
    return state is not None and not state.startswith(_NOT_THE_ROWS) and state not in _UNDEFINED


def _require_row_error(error: psycopg.Error) -> None:
    if not is_about_a_row(error):
        raise error
