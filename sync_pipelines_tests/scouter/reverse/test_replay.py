"""What was rejected and is tried again, on either way, beside what a person wrote since."""

from __future__ import annotations

import pytest

from sync_pipelines.scouter.push.replay import replay
from sync_pipelines_tests.scouter.pair import LEAD, Pair
from sync_pipelines_tests.scouter.reverse.test_changed_columns import export_with, kill_after_writing, there
from sync_pipelines_tests.scouter.two_way import TwoWay

NEW_PROJECT = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize("is_pushed", [False, True])
def test_a_refused_value_that_waits_again_hides_no_later_one(pair: Pair, is_pushed: bool) -> None:
    pair.edit(ficha_confirmada=False)
    pair.push(LEAD)
    pair.receive(pair.edit_there(ficha_confirmada="talvez"))
    pair.drain()
    if is_pushed:
        pair.push(LEAD)
    pair.receive(pair.edit_there(ficha_confirmada="true"))
    assert pair.reverse_sync().replay() == 1
    pair.drain()
    assert pair.here()["ficha_confirmada"] is True
    pair.push(LEAD)
    assert pair.there()["ficha_confirmada"] == "true"


@pytest.mark.parametrize("side", ["here", "there"])
@pytest.mark.parametrize("is_pushed", [False, True])
def test_it_undoes_no_later_edit_that_came_back_to_the_value_of_then(
    pair: Pair, is_pushed: bool, side: str
) -> None:
    pair.push(LEAD)
    old = pair.here()["commercial_project_id"]
    (other,) = pair.leads.execute(
        "select min(id::text) from public.commercial_projects where id <> %s", [old]
    ).fetchall()[0]
    pair.receive(pair.edit_there(commercial_project_id=NEW_PROJECT))
    pair.drain()
    if is_pushed:
        pair.push(LEAD)
    for value in (other, old):
        if side == "there":
            pair.receive(pair.edit_there(commercial_project_id=value))
            pair.drain()
        else:
            pair.edit(commercial_project_id=value)
            pair.push(LEAD)
    pair.leads.execute("insert into public.commercial_projects values (%s, 'Seletiva nova')", [NEW_PROJECT])
    assert pair.reverse_sync().replay() == 1
    pair.drain()
    pair.push(LEAD)
    assert (pair.here()["commercial_project_id"], pair.there()["commercial_project_id"]) == (old, old)
    assert len(pair.conflicts) == 1


@pytest.mark.parametrize("after", ["Site", "Loja"])
def test_leads_of_an_export_of_some_fields_are_sent_again_after_a_killed_push(
    two_way: TwoWay, after: str
) -> None:
    """That push had written more fields than the export has, and nobody had read them back."""
    made = two_way.installation
    there(two_way, "alter table public.leads add check (etapa <> 'ruim')")
    two_way.edit(etapa="ruim")
    export_with(two_way, etapa="etapa")
    two_way.edit(etapa="Boa", fonte="Feira")
    kill_after_writing(two_way)
    assert replay(made.push, "replay").accepted == 1
    two_way.edit(fonte=after)
    two_way.edit_there(age=44)
    two_way.is_quiet()
    two_way.are(fonte=after, age=44, etapa="Boa")
    assert two_way.conflicts == []
