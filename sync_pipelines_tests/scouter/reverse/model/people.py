"""The people of both sides, and what they find in their tables."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg import errors

from sync_pipelines_tests.scouter.installation import FIRST
from sync_pipelines_tests.scouter.reverse.model.fields import (
    BY_NAME,
    ONE_WAY,
    TWO_WAY,
    Kind,
    ModelField,
    Side,
    Value,
)
from sync_pipelines_tests.scouter.reverse.model.journal import Edit, Journal, Place

#: What becomes of a row's `updated_at` by an edit. In TabuladorMax a trigger makes it now, where it is not switched
#: off for the edit ("kept").
Dated = Literal["now", "kept", "future", "infinity", "back", "empty"]
_DATES: dict[Dated, str] = {
    "now": "clock_timestamp()",
    "kept": "updated_at",
    "future": "timestamptz '2099-01-01 00:00Z'",
    "infinity": "timestamptz 'infinity'",
    "back": "updated_at - interval '1 hour'",
    "empty": "null",
}
TELEPHONES = {"celular", ONE_WAY.tab}
#: Numbers that Gestão Scouter's own sequence gives.
LOCAL = 7_000


class Change(NamedTuple):
    """What a person does to one field."""

    field: str
    kind: Kind


@dataclass
class People:
    """They write what the journal then tells; `log` says it, for whoever reads a failure."""

    tab: psycopg.Connection[Any]
    gestao: psycopg.Connection[Any]
    journal: Journal
    log: list[str]
    #: Leads with an edit there that did not make `updated_at` later.
    undated: set[int] = field(default_factory=set)
    numbers: count[int] = field(default_factory=lambda: count(1))
    births: count[int] = field(default_factory=lambda: count(1))

    def edit(self, side: Side, lead: int, changes: Sequence[Change], *, dated: Dated) -> None:
        """An edit by somebody who sees the row; none where it does not exist, or is locked by a worker."""
        connection = self._connection(side)
        with suppress(errors.LockNotAvailable), connection.transaction():
            connection.execute("set local lock_timeout = '50ms'")
            row = self._rows(side, f"where id = {lead} for update").get(lead)
            edits = self._edits(side, lead, changes=changes, row=row) if row else []
            if not edits:
                return
            if side == "here":
                dated = "now" if dated == "now" else "kept"
            if (side, dated) == ("here", "kept"):
                connection.execute("set local session_replication_role = replica")
            columns = [
                f"{field_of(one).column(side)} = %s::text::{field_of(one).type_at(side)}" for one in edits
            ]
            query = f"update public.leads set {', '.join(columns)}, updated_at = {_DATES[dated]} where id = {lead}"
            connection.execute(query.encode(), [field_of(one).spelled(one.value, side) for one in edits])
            self.journal.edits += edits
            if side == "there" and dated != "now":
                self.undated.add(lead)
            self.log += [f"{side} {one.place}: {one.before!r} -> {one.value!r} ({dated})" for one in edits]

    def make(self, side: Side, lead: int | None = None, updated_at: str = "now()") -> None:
        """Somebody makes a lead: here the CRM, there an application, with a number of its own."""
        number = lead or next(self.births) + (FIRST + 100 if side == "here" else LOCAL)
        values = {one.tab: one.new(next(self.numbers), None) for one in TWO_WAY}
        values[ONE_WAY.tab] = values["celular"]
        columns = ", ".join(one.column(side) for one in fields_of(side))
        marks = ", ".join(f"%s::text::{one.type_at(side)}" for one in fields_of(side))
        self._connection(side).execute(
            f"insert into public.leads (id, updated_at, {columns}) values ({number}, {updated_at}, {marks})".encode(),
            [values[one.tab] for one in fields_of(side)],
        )
        for name, value in values.items():
            self.journal.quiet[number, name] = value
        self.journal.made.add(number)
        self.log.append(f"{side} {number} is made: {values}")

    def delete(self, side: Side, lead: int) -> None:
        """Somebody deletes a lead."""
        self._connection(side).execute("delete from public.leads where id = %s", [lead])
        self.journal.deleted(side, lead)
        self.log.append(f"{side} {lead} is deleted")

    def rows(self, side: Side) -> dict[int, dict[str, Value]]:
        """The fields of every lead there, by their names here."""
        return self._rows(side, "")

    def leads(self, side: Side) -> list[int]:
        return [row[0] for row in self._connection(side).execute("select id from public.leads order by id")]

    def one_of(self, side: Side, index: int) -> list[int]:
        """One of the leads that are there, if there are any."""
        leads = self.leads(side)
        return [leads[index % len(leads)]] if leads else []

    def _connection(self, side: Side) -> psycopg.Connection[Any]:
        return self.tab if side == "here" else self.gestao

    def _rows(self, side: Side, which: str) -> dict[int, dict[str, Value]]:
        fields = fields_of(side)
        columns = ", ".join(one.read(side) for one in fields)
        found = self._connection(side).execute(f"select id, {columns} from public.leads {which}".encode())
        return {row[0]: dict(zip((one.tab for one in fields), row[1:], strict=True)) for row in found}

    def _edits(
        self, side: Side, lead: int, *, changes: Sequence[Change], row: dict[str, Value]
    ) -> list[Edit]:
        """What the changes write, each field once, and only where it is another value."""
        edits: dict[Place, Edit] = {}
        is_new = lead not in self.leads("here")
        for change in changes:
            one = ONE_WAY if change.field == ONE_WAY.tab else BY_NAME[change.field]
            if side == "here" and (one is ONE_WAY or change.kind == "invalid"):
                continue
            if is_new and (change.kind == "invalid" or one.tab in TELEPHONES):
                continue  # there is nothing here to stand, and a telephone finds its column
            place, before = (lead, one.tab), row[one.tab]
            quiet = self.journal.quiet.get(place)
            value = one.value(change.kind, next(self.numbers), now=before, quiet=quiet)
            if value != before:
                edits[place] = Edit(side, place, before, value=value, is_valid=change.kind != "invalid")
        return list(edits.values())


def fields_of(side: Side) -> tuple[ModelField, ...]:
    return TWO_WAY if side == "here" else (*TWO_WAY, ONE_WAY)


def field_of(edit: Edit) -> ModelField:
    return BY_NAME.get(edit.place[1], ONE_WAY)
