"""People on both sides write while pushes and drains run, as on a working day: nobody waits for anybody.

The outbox tells every edit of Gestão Scouter in its order. So a field that only one side edits ends with that side's
last value, whatever went over it meanwhile, also where an edit does not raise `updated_at`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from psycopg import sql

import sync_pipelines.scouter
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.two_way import LONG_AGO, TwoWay

pytestmark = pytest.mark.slow
OUTBOX = Path(sync_pipelines.scouter.__file__).parent / "sql" / "outbox.sql"
ROUNDS = 8
#: Seconds between two edits of a person: without it the edits alone take all of the machine.
PAUSE = 0.02
#: The columns that each side edits; `fonte` is everybody's.
COLUMNS = {"here": ("name", "fonte"), "there": ("etapa", "fonte")}
#: Of three edits there two raise the date.
DATES = ("clock_timestamp()", "clock_timestamp()", "updated_at")
Values = Mapping[tuple[int, str], str]


class Editor:
    """Edits one field of one lead after the other until the workers are done."""

    def __init__(self, side: str, connection: psycopg.Connection[Any], leads: list[int]) -> None:
        self.side, self.connection, self.leads = side, connection, leads
        self.chance, self.last = random.Random(side), dict[tuple[int, str], str]()

    def edit(self, stop: Event) -> Values:
        """The last value by lead and field."""
        while not stop.wait(PAUSE):
            lead, name = self.chance.choice(self.leads), self.chance.choice(COLUMNS[self.side])
            value = f"{self.side} {len(self.last)} {self.chance.random()}"
            date = "now()" if self.side == "here" else self.chance.choice(DATES)
            self.connection.execute(
                sql.SQL("update public.leads set {} = %s, updated_at = {} where id = %s").format(
                    sql.Identifier(name),
                    sql.SQL(date),  # type: ignore[arg-type]
                ),
                [value, lead],
            )
            self.last[lead, name] = value
        return self.last


def test_no_edit_is_lost_while_pushes_and_drains_run(installation: Installation) -> None:
    installation.use(scouter_way_back=True, scouter_outbox=True, scouter_batch_size=10)
    installation.gestao.execute(OUTBOX.read_bytes() + b"; notify pgrst, 'reload schema'")
    leads = installation.leads(list(range(40)), LONG_AGO, etapa="Nova", fonte="Site")
    two_way, stop = TwoWay(installation), Event()
    two_way.push()
    with (
        psycopg.connect(installation.settings.require("tabuladormax_database_url"), autocommit=True) as here,
        psycopg.connect(installation.gestao_url, autocommit=True) as there,
        ThreadPoolExecutor(2) as people,
    ):
        editors = [Editor("here", here, leads), Editor("there", there, leads)]
        edited = [people.submit(one.edit, stop) for one in editors]
        try:
            for number in range(ROUNDS):
                two_way.push(PushOptions(compare=number % 3 == 0))
                two_way.drain()
        finally:
            stop.set()
        last = [one.result() for one in edited]
    for _ in range(2):
        two_way.drain()
        two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    lost = {
        place: (value, found)
        for place in {*last[0], *last[1]}
        if (value := [values[place] for values in last if place in values])
        and (found := two_way.both(place[1], place[0]))[0] not in value
    }
    assert lost == {}
