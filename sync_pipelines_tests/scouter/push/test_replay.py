"""Refused leads once more: they go when their cause is mended, and each has one row while it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.client import destination_label
from sync_pipelines.scouter.push.replay import replay
from sync_pipelines_tests.scouter.house import FIRST, LeadHouse

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
BAD = range(0, 60, 10)
SIX = [FIRST + n for n in BAD]


@pytest.fixture
def rejected(lead_house: LeadHouse) -> str:
    """A finished job of sixty leads, six of which were rejected."""
    with_dirt_rules(lead_house.gestao)
    lead_house.leads(range(60), NOON)
    lead_house.leads([*BAD], NOON, age=1999)
    job_id = lead_house.export(DAY, DAY).id
    assert lead_house.counters(job_id) == ("completed", 60, 54, 6)
    lead_house.face.clear()
    return job_id


def ids(house: LeadHouse) -> list[int]:
    return [row["lead_id"] for row in house.errors()]


@pytest.mark.parametrize("of_one_job", [True, False])
def test_leads_whose_cause_was_mended_there_go(
    lead_house: LeadHouse, rejected: str, of_one_job: bool
) -> None:
    lead_house.gestao.execute("alter table public.leads drop constraint leads_idade_plausivel")
    done = replay(lead_house.push, "replay", job_id=rejected if of_one_job else None)
    assert (done.accepted, done.rejected, done.gone, done.proof.equal) == (6, 0, 0, 6)
    assert lead_house.posts() == [6]
    assert lead_house.errors() == []
    assert lead_house.counters(rejected) == ("completed", 60, 60, 0)
    assert len(lead_house.there()) == 60
    lead_house.export(DAY, DAY)
    assert lead_house.posts() == [6]  # they are known from then on


def test_leads_that_were_mended_here_go_as_they_are_now(lead_house: LeadHouse, rejected: str) -> None:
    lead_house.edit(SIX[1], age=20)
    lead_house.edit(SIX[4], age=21)
    done = replay(lead_house.push, "replay")
    assert (done.accepted, done.rejected) == (2, 4)
    assert ids(lead_house) == [SIX[n] for n in (0, 2, 3, 5)]
    assert lead_house.counters(rejected) == ("completed", 60, 56, 4)
    assert lead_house.there("age")[SIX[4]] == 21


def test_a_lead_that_is_rejected_again_has_one_row_the_newest(lead_house: LeadHouse, rejected: str) -> None:
    before = {row["id"] for row in lead_house.errors()}
    for _ in range(2):
        assert replay(lead_house.push, "the-replay").rejected == 6
    assert ids(lead_house) == SIX
    assert {row["error_details"]["run_id"] for row in lead_house.errors()} == {"the-replay"}
    assert not before & {row["id"] for row in lead_house.errors()}
    assert lead_house.counters(rejected) == ("completed", 60, 54, 6)


def test_a_lead_that_is_gone_is_told_and_its_row_stays(lead_house: LeadHouse, rejected: str) -> None:
    lead_house.tab.execute("delete from public.leads where id = %s", [SIX[2]])
    done = replay(lead_house.push, "replay")
    assert (done.accepted, done.rejected, done.gone) == (0, 5, 1)
    assert SIX[2] in ids(lead_house)
    assert "1 are gone" in done.sentence()
    assert lead_house.counters(rejected) == ("completed", 60, 54, 6)


def test_each_job_has_its_own_rows(lead_house: LeadHouse, rejected: str) -> None:
    second = lead_house.export(DAY, DAY)
    assert second.error_leads == 6
    assert len(lead_house.errors()) == 12
    lead_house.gestao.execute("alter table public.leads drop constraint leads_idade_plausivel")
    assert replay(lead_house.push, "replay", job_id=rejected).accepted == 6
    assert {row["job_id"] for row in lead_house.errors()} == {second.id}


def test_while_a_push_is_at_work_it_is_refused_in_a_sentence(lead_house: LeadHouse, rejected: str) -> None:
    lock = postgres.lock_key("scouter", "push", destination_label(lead_house.settings))
    with psycopg.connect(lead_house.settings.require("ops_database_url")) as other:
        other.execute("select pg_advisory_lock(%s)", [lock])
        hasty = replace(lead_house.push, wait_seconds=0.05)
        with pytest.raises(TransientError, match="Outro envio"):
            replay(hasty, "replay", job_id=rejected)
    assert lead_house.posts() == []


def test_a_job_that_is_not_at_its_end_is_refused_and_left_out(lead_house: LeadHouse, rejected: str) -> None:
    lead_house.actions().reset(rejected)
    lead_house.tab.execute("update public.gestao_scouter_export_jobs set status = 'running'")
    with pytest.raises(TransientError, match="ainda não terminou"):
        replay(lead_house.push, "replay", job_id=rejected)
    assert replay(lead_house.push, "replay").rejected == 0
    assert lead_house.posts() == []


def test_where_the_integration_is_switched_off_nothing_is_sent(lead_house: LeadHouse, rejected: str) -> None:
    lead_house.tab.execute("update public.gestao_scouter_config set sync_enabled = false")
    with pytest.raises(PermanentError, match="Config > Integrações"):
        replay(lead_house.push, "replay", job_id=rejected)
    assert lead_house.posts() == []


def test_a_decision_that_there_is_not_is_refused(lead_house: LeadHouse) -> None:
    with pytest.raises(PermanentError, match="overwrite_local_leads"):
        replay(lead_house.push, "replay", accepted=["everything"])


def test_what_is_not_held_as_it_was_sent_fails_the_replay(lead_house: LeadHouse, rejected: str) -> None:
    lead_house.gestao.execute("alter table public.leads drop constraint leads_idade_plausivel")
    lead_house.gestao.execute(
        "create function betray() returns trigger language plpgsql as $$ begin new.age := 19; return new; end $$"
    )
    lead_house.gestao.execute(
        "create trigger betray before insert on public.leads for each row execute function betray()"
    )
    with pytest.raises(PermanentError, match="differ in age") as raised:
        replay(lead_house.push, "replay")
    assert "Pessoa" not in str(raised.value)
    known = lead_house.ops.execute(
        "select count(*) from ops.lead_exchanges where lead_id = any(%s)", [SIX]
    ).fetchone()
    assert known == (0,)
    # Nothing was gained: the leads are rejected ones still, and a second replay says so too.
    assert (ids(lead_house), lead_house.counters(rejected)) == (SIX, ("completed", 60, 54, 6))
    assert "não o guardou" in lead_house.errors()[0]["error_message"]
    with pytest.raises(PermanentError, match="differ in age"):
        replay(lead_house.push, "replay")


def test_a_destination_that_leaves_before_the_proof_leaves_the_rows(
    lead_house: LeadHouse, rejected: str
) -> None:
    lead_house.gestao.execute("alter table public.leads drop constraint leads_idade_plausivel")
    lead_house.gestao.execute(
        "create function lose() returns trigger language plpgsql as $$ begin"
        " alter table public.leads drop column etapa; return null; end $$"
    )
    # After the statement that writes the leads: what is read back lacks a column.
    lead_house.gestao.execute(
        "create constraint trigger lose after insert on public.leads deferrable initially deferred"
        f" for each row when (new.id = {SIX[0]}) execute function lose()"
    )
    with pytest.raises(PermanentError):
        replay(lead_house.push, "replay")
    assert ids(lead_house) == SIX


def test_an_export_that_there_is_not_is_told(lead_house: LeadHouse) -> None:
    with pytest.raises(PermanentError, match="Não existe a exportação"):
        replay(lead_house.push, "replay", job_id="00000000-0000-4000-8000-000000000000")
    assert (
        replay(lead_house.push, "replay").sentence() == "0 leads were accepted, 0 rejected again, 0 are gone."
    )
