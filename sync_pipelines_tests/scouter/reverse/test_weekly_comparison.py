"""The weekly comparison of all leads: it reads both sides, and what is known of their fields stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync_pipelines.scouter.push.full_comparison import compare_all
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.interrupted import Interrupted
from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay


def compare(two_way: TwoWay) -> None:
    """As beside a push: by a client of its own."""
    push = two_way.installation.push
    options = {name: value for name, value in push.destination.options.items() if name != "transport"}
    assert compare_all(replace(push, destination=replace(push.destination, options=options)), "weekly").holds


@pytest.fixture
def compared(two_way: TwoWay) -> TwoWay:
    """An export of some fields of today is the newest one, and all leads were compared by it."""
    two_way.edit(LEAD + 2, age=21)
    two_way.push()
    made = two_way.installation
    today = made.push.today()
    fields = {"id": "id", "nome": "name", "etapa": "etapa", "updated_at": "updated_at"}
    job = made.actions().create(today, today, field_mappings=fields).id
    assert made.run(job, options=PushOptions(compare=True)).status == "completed"
    compare(two_way)
    return two_way


@pytest.mark.parametrize("side", ["here", "there", "there, unannounced"])
def test_a_field_that_was_emptied_after_an_export_of_some_fields_stays_empty(
    compared: TwoWay, side: str
) -> None:
    if side == "here":
        compared.edit(fonte=None)
    else:
        compared.edit_there(announce=side == "there", fonte=None)
        compared.drain()
    compared.push(PushOptions(compare=True))
    compared.is_quiet()
    compared.are(fonte=None)
    assert compared.conflicts == []


def test_edits_of_different_fields_after_an_export_of_some_fields_are_no_conflict(compared: TwoWay) -> None:
    compared.edit(fonte="Daqui")
    compared.edit_there(age=44)
    compared.drain()
    compared.push(PushOptions(compare=True))
    compared.is_quiet()
    compared.are(fonte="Daqui", age=44)
    assert compared.conflicts == []


def test_beside_a_push_that_goes_over_an_edit(two_way: TwoWay) -> None:
    """It reads what the push has written and not read back yet."""
    two_way.edit(name="Ana Daqui")
    rows: list[dict[str, Any]] = []

    def edit() -> None:
        rows.append(two_way.edit_there(announce=False, etapa="Ligou"))

    written = Interrupted(lambda: compare(two_way), after="upsert")
    two_way.installation.use_client(transport=Interrupted(edit, before="upsert", _inner=written))
    two_way.push()
    two_way.installation.use_client(transport=None)
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


def test_a_lead_that_both_sides_changed_alike_keeps_what_is_known_of_its_fields(two_way: TwoWay) -> None:
    two_way.edit(etapa="Ligou")
    row = two_way.installation.tab.execute("select updated_at from leads where id = %s", [LEAD]).fetchone()
    assert row is not None
    two_way.edit_there(announce=False, etapa="Ligou", updated_at=row[0])
    compare(two_way)
    two_way.edit(fonte=None)
    two_way.edit_there(age=44)
    two_way.is_quiet()
    two_way.are(etapa="Ligou", fonte=None, age=44)
    assert two_way.conflicts == []
