"""A column that a person adds for an unknown field is filled from `extra`, without a call."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipelines.sprinthub.segment_run import DetailsError
from sync_pipelines_tests.sprinthub.installation import Installed

FIELD = "valor_do_frete"


@pytest.fixture
def members(installed: Installed) -> list[int]:
    members = installed.crm.tenant.add_segment(7, leads=30)
    for number, lead in enumerate(members):
        installed.crm.tenant.change_quietly(lead, **{FIELD: f"{number}.50", "campo_novo": number})
    installed.sync()
    installed.crm.calls.clear()
    installed.ops.execute("delete from ops.rejects")
    return members


def add(installed: Installed, kind: str = "text", name: str = FIELD) -> None:
    installed.oficialmed.execute(f"alter table api.leads add column {name} {kind}".encode())


def column(installed: Installed, name: str = FIELD) -> list[Any]:
    return [value for (value,) in installed.rows(f"select {name} from api.leads order by id")]


def kept(installed: Installed, name: str = FIELD) -> int:
    return int(installed.value(f"select count(*) from api.leads where extra ? '{name}'"))


def test_a_new_column_is_filled_and_no_detail_read(installed: Installed, members: list[int]) -> None:
    assert kept(installed) == 30
    add(installed)
    before = installed.rows("select max(detailed_at) from sync_private.lead_details")
    outcome = installed.sync()
    assert (outcome.up_to_date, installed.crm.calls.count("detail")) == (30, 0)
    assert column(installed) == [f"{number}.50" for number in range(30)]
    assert (kept(installed), kept(installed, "campo_novo")) == (0, 30)
    assert installed.rows("select max(detailed_at) from sync_private.lead_details") == before
    assert installed.rejects() == []


def test_a_second_run_writes_nothing(installed: Installed, members: list[int]) -> None:
    add(installed)
    installed.sync()
    before = installed.rows("select id, xmin::text from api.leads order by id")
    assert installed.sync().up_to_date == 30
    assert installed.rows("select id, xmin::text from api.leads order by id") == before


def test_the_last_field_leaves_no_empty_object(installed: Installed, members: list[int]) -> None:
    for lead in members:
        truth = installed.crm.truth(lead)
        for name in truth.extra or {}:
            installed.oficialmed.execute(
                f'alter table api.leads add column if not exists "{name}" text'.encode()
            )
    installed.sync()
    assert set(column(installed, "extra")) == {None}


def test_the_converter_of_the_column_is_asked(installed: Installed, members: list[int]) -> None:
    add(installed, "numeric")
    add(installed, "integer", "campo_novo")
    installed.sync()
    assert [float(value) for value in column(installed)] == [number + 0.5 for number in range(30)]
    assert column(installed, "campo_novo") == list(range(30))


def test_a_value_that_the_column_cannot_hold_stays_and_is_a_reject(
    installed: Installed, members: list[int]
) -> None:
    installed.crm.tenant.change_lead(members[3], **{FIELD: "grátis"})
    installed.sync()
    add(installed, "numeric")
    outcome = installed.sync()
    assert outcome.up_to_date == 30
    assert (column(installed)[3], kept(installed)) == (None, 1)
    assert installed.rejects() == [(members[3], FIELD, "number")]


def test_a_row_that_the_table_refuses_costs_that_row_alone(installed: Installed, members: list[int]) -> None:
    add(installed, f"text check ({FIELD} <> '3.50')")
    installed.sync()
    assert (column(installed)[3], kept(installed)) == (None, 1)
    assert installed.rejects() == [(members[3], None, "row_is_taken")]
    assert column(installed)[4] == "4.50"


def test_a_row_that_somebody_changed_is_read_and_not_promoted(
    installed: Installed, members: list[int]
) -> None:
    add(installed)
    installed.crm.tenant.change_quietly(members[3], **{FIELD: "novo"})
    installed.oficialmed.execute("update api.leads set city = 'Mudada' where id = %s", (members[3],))
    outcome = installed.sync()
    assert (outcome.changed, installed.crm.calls.subjects("detail")) == (1, [members[3]])
    assert column(installed)[3] == "novo"


def test_leads_of_another_segment_wait_for_their_own_run(installed: Installed, members: list[int]) -> None:
    (other,) = installed.crm.tenant.add_segment(8, leads=1)
    installed.crm.tenant.change_quietly(other, **{FIELD: "8"})
    installed.sync(8)
    add(installed)
    installed.sync(7)
    assert kept(installed) == 1
    installed.sync(8)
    assert (kept(installed), column(installed)[-1]) == (0, "8")


def test_columns_of_the_dialler_are_never_filled(installed: Installed, members: list[int]) -> None:
    installed.crm.tenant.change_lead(members[3], retorno_callix="x")
    installed.sync()
    add(installed, "text", "retorno_callix")
    installed.sync()
    assert set(column(installed, "retorno_callix")) == {None}


def test_a_trigger_that_alters_what_is_moved_is_said(installed: Installed, members: list[int]) -> None:
    add(installed)
    installed.oficialmed.execute(
        "create function api.alter_freight() returns trigger language plpgsql as"
        f" $$ begin new.{FIELD} := 'x'; return new; end $$".encode()
    )
    installed.oficialmed.execute(
        "create trigger alter_freight before update on api.leads for each row"
        " execute function api.alter_freight()"
    )
    sentence = installed.fails(DetailsError)
    assert f"differs in {FIELD}" in sentence
    assert kept(installed) == 30


def test_a_promotion_goes_on_beside_a_run_of_a_segment_with_the_same_leads(
    installed: Installed, members: list[int]
) -> None:
    installed.crm.tenant.add_segment(8, shared=members)
    add(installed)
    assert installed.sync(8).up_to_date == 30
    assert kept(installed) == 0
    assert installed.sync(7).up_to_date == 30


def test_a_run_that_lost_its_segment_moves_nothing(installed: Installed, members: list[int]) -> None:
    add(installed)

    def take_over(_progress: object) -> None:
        installed.oficialmed.execute("update public.sync_segments_logs set status = 'error'")

    with pytest.raises(Exception, match="was lost"):
        installed.sync(progress=take_over)
    assert kept(installed) == 30
