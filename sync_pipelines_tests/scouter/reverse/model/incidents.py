"""What befalls a worker in the middle of its work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
import psycopg

from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.reverse.model.fields import Side
from sync_pipelines_tests.scouter.reverse.model.network import Webhooks
from sync_pipelines_tests.scouter.reverse.model.people import Change, Dated, People
from sync_pipelines_tests.scouter.reverse.model.wire import Wire

Point = Literal["request", "answer", "probe", "statement here", "statement in ops"]
Act = Literal["kill", "connection", "edit here", "edit there", "webhooks"]
_STRIKE = Path(__file__).with_name("strike.sql")
#: The tables whose writes are counted, where they exist.
STRUCK = {
    "statement here": ("public.leads", "sync_private.lead_conflicts", "sync_private.leads_merged"),
    "statement in ops": ("ops.inbox", "ops.lead_exchanges", "ops.page_writes", "ops.lead_field_lists"),
}


class Incident(NamedTuple):
    """At the n-th request, answer, moment of a probe, or writing statement of a database.

    A statement does not survive: its session is ended in it. An edit is one of `changes` to `lead`; there it dates the
    row, because what stands there under our own date is taken for the work of a trigger (docs/scouter.md).
    """

    point: Point
    number: int
    act: Act
    lead: int
    changes: tuple[Change, ...]
    dated: Dated


@dataclass
class Incidents:
    """Plans one incident at a time, by transports, probes and triggers: no code of ours is replaced."""

    installation: Installation
    wire: Wire
    people: People
    webhooks: Webhooks

    def install(self) -> None:
        """Let the databases count what our workers write."""
        for point, tables in STRUCK.items():
            connection = self._database(point)
            connection.execute(_STRIKE.read_bytes())
            for table in tables:
                if connection.execute("select to_regclass(%s)", [table]).fetchone() != (None,):
                    connection.execute(
                        f"create trigger strike after insert or update or delete on {table}"
                        " for each statement execute function strike.count()".encode()
                    )

    def remove(self) -> None:
        """The ops database serves other tests too."""
        for point in STRUCK:
            self._database(point).execute("drop schema strike cascade")

    @contextmanager
    def befalling(self, incident: Incident | None) -> Iterator[None]:
        """The incident happens to what is done in this block, if that comes so far."""
        probe = self.installation.push.probe
        if incident is not None:
            self._plan(incident)
        try:
            yield
        finally:
            self.wire.clear()
            self.installation.push = replace(self.installation.push, probe=probe)
            for point in STRUCK:
                self._database(point).execute("delete from strike.plan")

    def _plan(self, incident: Incident) -> None:
        act = self._act(incident)
        if incident.point in ("request", "answer"):
            self.wire.at(incident.number, after=incident.point == "answer", act=act)
        elif incident.point == "probe":
            moments: list[object] = []

            def probe(moment: object) -> None:
                self.wire.require_whole()
                moments.append(moment)
                if len(moments) == incident.number:
                    act()

            self.installation.push = replace(self.installation.push, probe=probe)
        else:
            self._database(incident.point).execute(
                "insert into strike.plan (at)"
                " select last_value + is_called::integer - 1 + %s from strike.writes",
                [incident.number],
            )

    def _act(self, incident: Incident) -> Callable[[], object]:
        side: Side = "here" if incident.act == "edit here" else "there"
        if incident.act == "kill" or (incident.act == "connection" and incident.point == "probe"):
            return self.wire.cut
        if incident.act == "connection":
            return _lose_connection
        if incident.act == "webhooks":
            return self.webhooks.deliver_all
        return lambda: self._edit(side, incident)

    def _edit(self, side: Side, incident: Incident) -> None:
        dated = "now" if (side, incident.dated) == ("there", "kept") else incident.dated
        for lead in self.people.one_of(side, incident.lead):
            self.people.edit(side, lead, incident.changes, dated=dated)

    def _database(self, point: str) -> psycopg.Connection[Any]:
        return self.installation.tab if point == "statement here" else self.installation.ops


def _lose_connection() -> None:
    raise httpx.ReadError("the connection was lost")
