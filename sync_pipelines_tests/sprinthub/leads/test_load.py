"""`api.leads` beside what the CRM says, column by column, and everything that is not ours to write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.progress import Progress
from sync_pipelines.sandbox.sprinthub import database
from sync_pipelines.sprinthub.segment_run import DetailsError
from sync_pipelines_tests.sprinthub.installation import Installed, adds_up

#: What a reset by a sync would show.
DIALLER = {
    "enviado_callix": True,
    "data_envio_callix": datetime(2026, 2, 20, 13, tzinfo=UTC),
    "callix_id": "CX-1",
    "status_callix": "atendido",
    "qualificacao_callix": "interessado",
    "id_sprinthub": 99,
}
HISTORY = Path(database.__file__).with_name("history.sql")
#: A segment in which every case of dirt occurs.
DIRTY = 420


def differences(installed: Installed, before: dict[int, dict[str, Any]], segment: int = 7) -> list[Any]:
    """Columns of the segment's leads that are not what the CRM says; rejected ones have to be as before."""
    found = []
    names = [
        column.name for column in installed.oficialmed.execute("select * from api.leads").description or ()
    ]
    for row in installed.rows("select * from api.leads where segmento = %s", segment):
        values = dict(zip(names, row, strict=True))
        truth = installed.crm.truth(values["id"])
        expected = {**before.get(values["id"], {}), **truth.columns, "extra": truth.extra}
        found += [
            (values["id"], name, values[name], value)
            for name, value in expected.items()
            if name not in ("synced_at", "segmento") and values[name] != value
        ]
    return found


def leads(installed: Installed) -> dict[int, dict[str, Any]]:
    with installed.oficialmed.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return {row["id"]: row for row in cursor.execute("select * from api.leads").fetchall()}


def test_a_segment_full_of_dirt_is_what_the_crm_says(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=DIRTY)
    outcome = installed.sync()
    assert (outcome.inserted, outcome.rejected, adds_up(outcome)) == (DIRTY, 0, True)
    assert differences(installed, {}) == []
    refused = sum(len(installed.crm.truth(lead).rejected) for lead in members)
    assert refused > 20
    assert outcome.rejected_fields == refused
    assert outcome.drift["campo_novo_do_crm"] > 0


def test_rows_as_the_application_left_them_are_mended(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=DIRTY)
    given = {"leads": members, "of_segments": [7] * DIRTY, "segments": [7]}
    psycopg.ClientCursor(installed.oficialmed).execute(HISTORY.read_bytes(), given)
    before = leads(installed)
    outcome = installed.sync()
    assert (outcome.changed, outcome.inserted) == (DIRTY, 0)
    assert differences(installed, before) == []


def test_columns_that_the_dialler_owns_are_as_the_dialler_left_them(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=60)
    sets = ", ".join(f"{name} = %({name})s" for name in DIALLER)
    installed.sync()
    installed.oficialmed.execute(f"update api.leads set {sets}".encode(), DIALLER)
    for lead in members[:20]:
        installed.crm.tenant.change_lead(
            lead, city="Outra", qualificacao_callix=None, status_callix="x", enviado_callix=False
        )
    assert installed.sync().changed == 20
    assert installed.sync(full=True).unchanged == 60
    names = ", ".join(DIALLER)
    assert set(installed.rows(f"select {names} from api.leads")) == {tuple(DIALLER.values())}


def test_what_did_not_change_is_not_written(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=60)
    installed.sync()
    before = {row[0]: row for row in installed.rows("select id, xmin::text, synced_at from api.leads")}
    installed.crm.tenant.change_lead(members[0], city="Outra")
    outcome = installed.sync(full=True)
    assert (outcome.changed, outcome.unchanged) == (1, 59)
    after = {row[0]: row for row in installed.rows("select id, xmin::text, synced_at from api.leads")}
    assert [lead for lead in before if before[lead] != after[lead]] == [members[0]]
    assert after[members[0]][2] > before[members[0]][2]


def test_a_list_alone_overwrites_nothing_that_a_detail_said(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=60)
    installed.sync()
    before = leads(installed)
    for lead in installed.truth():
        installed.crm.tenant.change_lead(lead, fullname="Nome Da Lista", city=None)
    installed.crm.fail("detail_server_error")
    installed.fails(DetailsError)
    assert leads(installed) == before


def test_a_new_lead_whose_detail_does_not_come_has_what_the_list_says(installed: Installed) -> None:
    (lead,) = installed.crm.tenant.add_segment(7, leads=1)
    installed.crm.tenant.change_quietly(lead, fullname="Maria da Silva Souza", owner=10)
    installed.crm.fail("detail_missing")
    assert installed.sync().rejected == 1
    row = leads(installed)[lead]
    assert (row["firstname"], row["lastname"], row["segmento"]) == ("Maria", "da Silva Souza", 7)
    assert (row["owner"], row["phone"], row["synced_at"] is None) == (None, None, False)


def test_a_lead_in_two_segments_is_in_both_and_bears_the_one_that_listed_it_last(
    installed: Installed,
) -> None:
    members = installed.crm.tenant.add_segment(7, leads=20)
    installed.crm.tenant.add_segment(8, leads=5, shared=members[:10])
    installed.sync(7)
    installed.crm.calls.clear()
    outcome = installed.sync(8)
    assert (outcome.leads, outcome.up_to_date, outcome.inserted) == (15, 10, 5)
    assert installed.crm.calls.count("detail") == 5
    assert installed.members(7) == set(members)
    assert installed.members(8) == installed.truth(8)
    assert installed.value("select count(*) from api.leads where segmento = 8") == 15
    installed.sync(7)
    assert installed.value("select count(*) from api.leads where segmento = 7") == 20


def test_two_segments_at_once_with_the_same_leads_end_as_two_one_after_the_other(
    installed: Installed,
) -> None:
    members = installed.crm.tenant.add_segment(7, leads=120)
    installed.crm.tenant.add_segment(8, leads=10, shared=members)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(installed.sync, (7, 8)))
    assert [adds_up(outcome) for outcome in outcomes] == [True, True]
    assert [outcome.unread + outcome.rejected for outcome in outcomes] == [0, 0]
    assert installed.members(7) == set(members)
    assert installed.members(8) == installed.truth(8)
    assert installed.value("select count(*) from api.leads") == 130
    found = differences(installed, {}, 7) + differences(installed, {}, 8)
    assert found == []
    assert installed.sync(7).up_to_date == 120


def test_a_lead_that_leaves_and_comes_back_has_two_memberships(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=20)
    lead = members[4]
    query = (
        "select left_at is null from sync_private.segment_membership where lead_id = %s order by entered_at"
    )
    installed.sync()
    installed.crm.tenant.leave_segment(7, lead)
    assert installed.sync().left == 1
    assert installed.rows(query, lead) == [(False,)]
    assert installed.value("select count(*) from api.leads where id = %s", lead) == 1
    installed.crm.tenant.insert_lead(7, lead)
    assert installed.sync().entered == 1
    assert installed.rows(query, lead) == [(False,), (True,)]


@pytest.mark.parametrize(
    ("by_hand", "outcome"),
    [
        ("update api.leads set firstname = 'Mudado' where id = %s", "changed"),
        ("update api.leads set extra = '{\"a\": 1}' where id = %s", "changed"),
        ("update api.leads set phone = null, whatsapp = null where id = %s", "changed"),
        ("delete from api.leads where id = %s", "inserted"),
    ],
)
def test_a_row_that_somebody_changed_is_found_and_read_again(
    installed: Installed, by_hand: str, outcome: str
) -> None:
    members = installed.crm.tenant.add_segment(7, leads=20)
    lead = members[6]
    installed.sync()
    before = leads(installed)
    installed.oficialmed.execute(by_hand.encode(), (lead,))
    installed.crm.calls.clear()
    found = installed.sync()
    assert installed.crm.calls.subjects("detail") == [lead]
    assert (getattr(found, outcome), found.up_to_date) == (1, 19)
    ours = [{**row, "synced_at": None} for row in leads(installed).values()]
    assert sorted(ours, key=lambda row: row["id"]) == [
        {**before[each], "synced_at": None} for each in sorted(before)
    ]


def test_an_old_table_that_was_restored_is_found_row_by_row(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=20)
    installed.sync()
    installed.oficialmed.execute("create table kept as select * from api.leads")
    for lead in members[:5]:
        installed.crm.tenant.change_lead(lead, city="Outra")
    late = installed.crm.tenant.insert_lead(7)
    installed.sync()
    installed.oficialmed.execute("delete from api.leads")
    installed.oficialmed.execute("insert into api.leads select * from kept")
    installed.crm.calls.clear()
    outcome = installed.sync()
    assert sorted(installed.crm.calls.subjects("detail")) == [*members[:5], late]
    assert (outcome.changed, outcome.inserted) == (5, 1)
    assert differences(installed, {}) == []


TRIGGER = """
create function api.alter_city() returns trigger language plpgsql as $$
begin
    {body}
end $$;
create {kind} trigger alter_city {when} insert or update on api.leads {deferred} for each row
execute function api.alter_city();
"""
AT_ONCE = TRIGGER.format(kind="", when="before", deferred="", body="new.city := upper(new.city); return new;")
LATER = TRIGGER.format(
    kind="constraint",
    when="after",
    deferred="deferrable initially deferred",
    body="update api.leads set city = upper(city) where id = new.id and city <> upper(city); return null;",
)


@pytest.mark.parametrize("trigger", [AT_ONCE, LATER])
def test_a_trigger_that_alters_what_is_written_is_said_and_never_a_success(
    installed: Installed, trigger: str
) -> None:
    installed.crm.tenant.add_segment(7, leads=20)
    installed.oficialmed.execute(trigger.encode())
    sentence = installed.fails(PermanentError)
    assert "differs in city right after it was written: a trigger" in sentence
    assert installed.log()[0] == "error"
    assert installed.value("select count(*) from sync_private.lead_details") == 0


def test_a_constraint_that_refuses_one_lead_costs_that_lead_alone(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=60)
    lead = members[8]
    installed.crm.tenant.change_quietly(lead, zipcode="proibido")
    installed.oficialmed.execute("alter table api.leads add check (zipcode <> 'proibido')")
    outcome = installed.sync()
    assert (outcome.inserted, outcome.rejected, adds_up(outcome)) == (59, 1, True)
    assert installed.log()[0] == "success"
    assert (lead, None, "row_is_taken") in installed.rejects()
    assert installed.value("select zipcode is null from api.leads where id = %s", lead)


def test_a_constraint_that_refuses_one_item_of_the_list_costs_that_lead_alone(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=60)
    lead = members[8]
    installed.crm.tenant.change_quietly(lead, city="proibida")
    installed.oficialmed.execute("alter table api.leads add check (city <> 'proibida')")
    outcome = installed.sync()
    assert (outcome.leads, outcome.inserted, outcome.rejected) == (60, 59, 1)
    assert installed.log()[0] == "success"
    assert installed.value("select count(*) from api.leads") == 59
    assert installed.members() == set(members)
    assert installed.sync().up_to_date == 59


def test_rows_that_row_security_hides_are_an_error(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=5)
    installed.sync()
    installed.oficialmed.execute("alter table api.leads force row level security")
    installed.oficialmed.execute("create policy few on api.leads as restrictive using (id > 2003)")
    installed.oficialmed.execute("create role restricted login password 'a' nosuperuser nobypassrls")
    try:
        installed.oficialmed.execute("grant all on schema public, api, sync_private to restricted")
        for schema in ("public", "api", "sync_private"):
            for kind in ("tables", "sequences"):
                installed.oficialmed.execute(
                    f"grant all on all {kind} in schema {schema} to restricted".encode()
                )
        url = installed.settings.oficialmed_url
        pipeline = installed.pipeline(
            database_url=psycopg.conninfo.make_conninfo(url, user="restricted", password="a")
        )
        before = installed.everything()
        sentence = installed.fails(PermanentError, pipeline=pipeline)
        assert "api.leads" in sentence
        assert installed.everything() == before
    finally:
        installed.oficialmed.execute("drop owned by restricted")
        installed.oficialmed.execute("drop role restricted")


def test_a_dialler_that_writes_while_a_run_goes_on_loses_nothing(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=120)
    installed.oficialmed.execute("alter table api.leads alter column enviado_callix set default false")
    written = 0

    def dial(progress: Progress) -> None:
        nonlocal written
        if progress.stage == "details":
            written = (
                installed.oficialmed.execute(
                    "update api.leads set enviado_callix = true, callix_id = 'CX' where not enviado_callix"
                ).rowcount
                + written
            )

    outcome = installed.sync(progress=dial)
    assert (outcome.inserted, written) == (120, 120)
    query = "select count(*) from api.leads where enviado_callix and callix_id = 'CX'"
    assert installed.value(query) == 120
    assert differences(installed, {}) == []


def test_a_column_of_the_application_alone_is_neither_written_nor_a_reason_to_read(
    installed: Installed,
) -> None:
    installed.crm.tenant.add_segment(7, leads=30)
    installed.oficialmed.execute("alter table api.leads add column nota_interna text default 'nova'")
    installed.sync()
    installed.oficialmed.execute("update api.leads set nota_interna = 'lida'")
    installed.crm.calls.clear()
    assert installed.sync().up_to_date == 30
    assert installed.value("select count(*) from api.leads where nota_interna = 'lida'") == 30


def test_a_column_with_a_name_like_ours_that_nobody_fills_is_an_error_of_nobody(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=5)
    installed.oficialmed.execute(
        "alter table api.leads add column total numeric generated always as (points * 2) stored"
    )
    assert installed.sync().inserted == 5


def test_an_error_of_the_database_is_a_sentence_without_a_row(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=5)
    installed.oficialmed.execute("drop table sync_private.lead_details")
    sentence = installed.fails(SyncError)
    assert "lead_details" in sentence
    assert "@example" not in sentence
