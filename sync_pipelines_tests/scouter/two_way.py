"""An installation with the reverse sync on: edits on both sides, a drain, a push, and what there is to see of them.

| fixture `two_way` | what is in it at the start of a test |
|---|---|
| LEAD, and the two after it | on both sides, equal, with an age, `etapa` "Nova" and a `fonte` |
| the inbox, the conflicts | empty |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import sql

from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.reverse.report import DrainReport
from sync_pipelines_tests.scouter.installation import FIRST, Installation

LEAD = FIRST + 1
#: Before every edit of a test. A fixed date would put more empty days into each push with each day that passes: a year
#: later 400 of them, half of the CPU time of these tests.
LONG_AGO = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0) - timedelta(days=3)
#: Column here, column there.
COLUMNS = {"name": "nome", "etapa": "etapa", "age": "age", "fonte": "fonte", "celular": "telefone"}


@dataclass
class TwoWay:
    """Both directions of one installation."""

    installation: Installation

    def push(self, options: PushOptions | None = None) -> ExportJob:
        """Everything that is open, as the nightly push does."""
        return self.installation.export(self.installation.push.today(), None, options=options)

    def drain(self) -> DrainReport:
        return self.installation.reverse_sync().run("drain").drained

    def edit(self, lead: int = LEAD, **columns: Any) -> None:
        self.installation.edit(lead, **columns)

    def edit_there(self, lead: int = LEAD, *, announce: bool = True, **columns: Any) -> dict[str, Any]:
        """A person's edit at Gestão Scouter, which dates it; the row as it is announced."""
        named = {"updated_at": datetime.now(UTC), **columns}
        changes = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in named
        )
        self.installation.gestao.execute(
            sql.SQL("update public.leads set {} where id = {}").format(changes, sql.Literal(lead)), named
        )
        row: dict[str, Any] = self.installation.there()[lead]
        if announce:
            self.announce(row)
        return row

    def make_there(self, lead: int = LEAD, *, announce: bool = True, **columns: Any) -> dict[str, Any]:
        """A person at Gestão Scouter makes a lead under this number; the row as it is announced."""
        named = {"id": lead, "updated_at": datetime.now(UTC), **columns}
        self.installation.gestao.execute(
            sql.SQL("insert into public.leads ({}) values ({})").format(
                sql.SQL(", ").join(map(sql.Identifier, named)),
                sql.SQL(", ").join(map(sql.Placeholder, named)),
            ),
            named,
        )
        row: dict[str, Any] = self.installation.there()[lead]
        if announce:
            self.announce(row)
        return row

    def delete(self, lead: int = LEAD) -> None:
        self.installation.tab.execute("delete from public.leads where id = %s", [lead])

    def delete_there(self, lead: int = LEAD) -> None:
        self.installation.gestao.execute("delete from public.leads where id = %s", [lead])

    def announce(self, *rows: dict[str, Any]) -> None:
        """What the webhook stores of these rows."""
        Inbox(self.installation.ops, TOPIC).add_many(
            Arrival(str(row["id"]), "gestaoscouter", json.dumps({"lead": row, "source": "gestao_scouter"}))
            for row in rows
        )

    def both(self, here: str, lead: int = LEAD) -> tuple[Any, Any]:
        """A column of TabuladorMax, and the one of Gestão Scouter that it fills."""
        row = self.installation.tab.execute(
            sql.SQL("select {} from public.leads where id = {}").format(
                sql.Identifier(here), sql.Literal(lead)
            )
        ).fetchone()
        assert row is not None
        return row[0], self.installation.there(COLUMNS[here])[lead]

    def are(self, lead: int = LEAD, **columns: Any) -> None:
        """Both sides have these values."""
        found = {name: self.both(name, lead) for name in columns}
        assert found == {name: (value, value) for name, value in columns.items()}

    @property
    def conflicts(self) -> list[tuple[str, str, str, str]]:
        """Field, the value here, the value there, the side that was kept."""
        return self.installation.tab.execute(
            "select field, here_value, there_value, kept from sync_private.lead_conflicts order by id"
        ).fetchall()

    def is_quiet(self) -> None:
        """Drains and pushes until nothing more happens: at once, and nothing goes round."""
        for _ in range(2):
            self.drain()
            self.push()
        before, listed = self._state(), self.conflicts
        self.drain()
        self.push()
        assert self.installation.total().accepted == 0
        assert (self._state(), self.conflicts) == (before, listed)
        assert self.installation.ops.execute("select count(*) from ops.page_writes").fetchone() == (0,)
        assert self.installation.reverse_sync().waiting() == 0
        there = self.installation.there("nome", "etapa", "age", "fonte")
        mine = self.installation.tab.execute(
            "select id, name, etapa, age, fonte from public.leads where id = any(%s)", [list(there)]
        ).fetchall()
        assert {row[0]: row[1:] for row in mine} == there

    def _state(self) -> list[Any]:
        here = self.installation.tab.execute(
            "select to_jsonb(l) from public.leads as l order by id"
        ).fetchall()
        return [here, self.installation.there()]


@pytest.fixture
def two_way(installation: Installation) -> TwoWay:
    installation.use(scouter_way_back=True)
    installation.leads([1, 2, 3], LONG_AGO, etapa="Nova", age=20, fonte="Site", celular="11 90000-0000")
    two_way = TwoWay(installation)
    two_way.push()
    assert installation.total().accepted == 3
    return two_way
