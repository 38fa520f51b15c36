"""Refused leads once more: they go when their cause is mended, and each has one row while it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.push.replay import replay
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
BAD = range(0, 60, 10)
SIX = [FIRST + n for n in BAD]


@pytest.fixture
def rejected(installation: Installation) -> str:
    """A finished job of sixty leads, six of which were rejected."""
    with_dirt_rules(installation.gestao)
    installation.leads(range(60), NOON)
    installation.leads([*BAD], NOON, age=1999)
    job_id = installation.export(DAY, DAY).id
    assert installation.counters(job_id) == ("completed", 60, 54, 6)
    installation.postgrest.clear()
    return job_id


def ids(installation: Installation) -> list[int]:
    return [row["lead_id"] for row in installation.errors()]


@pytest.mark.parametrize("of_one_job", [True, False])
def test_leads_whose_cause_was_mended_there_go(
    installation: Installation, rejected: str, of_one_job: bool
) -> None:
    installation.gestao.execute("alter table public.leads drop constraint leads_idade_plausivel")
    done = replay(installation.push, "replay", job_id=rejected if of_one_job else None)
    assert (done.accepted, done.rejected, done.gone, done.proof.equal) == (6, 0, 0, 6)
    assert installation.posts() == [6]
    assert installation.errors() == []
    assert installation.counters(rejected) == ("completed", 60, 60, 0)
    assert len(installation.there()) == 60
    installation.export(DAY, DAY)
    assert installation.posts() == [6]  # they are known from then on


def test_leads_that_were_mended_here_go_as_they_are_now(installation: Installation, rejected: str) -> None:
    installation.edit(SIX[1], age=20)
    installation.edit(SIX[4], age=21)
    done = replay(installation.push, "replay")
    assert (done.accepted, done.rejected) == (2, 4)
    assert ids(installation) == [SIX[n] for n in (0, 2, 3, 5)]
    assert installation.counters(rejected) == ("completed", 60, 56, 4)
    assert installation.there("age")[SIX[4]] == 21


def test_a_lead_that_is_rejected_again_has_one_row_the_newest(
    installation: Installation, rejected: str
) -> None:
    before = {row["id"] for row in installation.errors()}
    for _ in range(2):
        assert replay(installation.push, "the-replay").rejected == 6
    assert ids(installation) == SIX
    assert {row["error_details"]["run_id"] for row in installation.errors()} == {"the-replay"}
    assert not before & {row["id"] for row in installation.errors()}
    assert installation.counters(rejected) == ("completed", 60, 54, 6)


def test_a_lead_that_is_gone_is_told_and_its_row_stays(installation: Installation, rejected: str) -> None:
    installation.tab.execute("delete from public.leads where id = %s", [SIX[2]])
    done = replay(installation.push, "replay")
    assert (done.accepted, done.rejected, done.gone) == (0, 5, 1)
    assert SIX[2] in ids(installation)
    assert "1 are gone" in done.sentence()
    assert installation.counters(rejected) == ("completed", 60, 54, 6)


def test_each_job_has_its_own_rows(installation: Installation, rejected: str) -> None:
    second = installation.export(DAY, DAY)
    assert second.error_leads == 6
    assert len(installation.errors()) == 12
    installation.gestao.execute("alter table public.leads drop constraint leads_idade_plausivel")
    assert replay(installation.push, "replay", job_id=rejected).accepted == 6
    assert {row["job_id"] for row in installation.errors()} == {second.id}


def test_while_a_push_is_at_work_it_is_refused_in_a_sentence(
    installation: Installation, rejected: str
) -> None:
    lock = postgres.lock_key("scouter", "push", installation.push.destination.label)
    with psycopg.connect(installation.settings.require("ops_database_url")) as other:
        other.execute("select pg_advisory_lock(%s)", [lock])
        hasty = replace(installation.push, wait_seconds=0.05)
        with pytest.raises(TransientError, match="Outro envio"):
            replay(hasty, "replay", job_id=rejected)
    assert installation.posts() == []


def test_a_job_that_is_not_at_its_end_is_refused_and_left_out(
    installation: Installation, rejected: str
) -> None:
    installation.actions().reset(rejected)
    installation.tab.execute("update public.gestao_scouter_export_jobs set status = 'running'")
    with pytest.raises(TransientError, match="ainda não terminou"):
        replay(installation.push, "replay", job_id=rejected)
    assert replay(installation.push, "replay").rejected == 0
    assert installation.posts() == []


def test_where_the_integration_is_switched_off_nothing_is_sent(
    installation: Installation, rejected: str
) -> None:
    installation.tab.execute("update public.gestao_scouter_config set sync_enabled = false")
    with pytest.raises(PermanentError, match="Config > Integrações"):
        replay(installation.push, "replay", job_id=rejected)
    assert installation.posts() == []


def test_a_decision_that_there_is_not_is_refused(installation: Installation) -> None:
    with pytest.raises(PermanentError, match="overwrite_local_leads"):
        replay(installation.push, "replay", accepted=["everything"])


def test_what_is_not_held_as_it_was_sent_fails_the_replay(installation: Installation, rejected: str) -> None:
    installation.gestao.execute("alter table public.leads drop constraint leads_idade_plausivel")
    installation.gestao.execute(
        "create function betray() returns trigger language plpgsql as $$ begin new.age := 19; return new; end $$"
    )
    installation.gestao.execute(
        "create trigger betray before insert on public.leads for each row execute function betray()"
    )
    with pytest.raises(PermanentError, match="differ in age") as raised:
        replay(installation.push, "replay")
    assert "Pessoa" not in str(raised.value)
    known = installation.ops.execute(
        "select count(*) from ops.lead_exchanges where lead_id = any(%s)", [SIX]
    ).fetchone()
    assert known == (0,)
    # Nothing was gained: the leads are rejected ones still, and a second replay says so too.
    assert (ids(installation), installation.counters(rejected)) == (SIX, ("completed", 60, 54, 6))
    assert "não o guardou" in installation.errors()[0]["error_message"]
    with pytest.raises(PermanentError, match="differ in age"):
        replay(installation.push, "replay")


def test_a_destination_that_leaves_before_the_proof_leaves_the_rows(
    installation: Installation, rejected: str
) -> None:
    installation.gestao.execute("alter table public.leads drop constraint leads_idade_plausivel")
    installation.gestao.execute(
        "create function lose() returns trigger language plpgsql as $$ begin"
        " alter table public.leads drop column etapa; return null; end $$"
    )
    # After the statement that writes the leads: what is read back lacks a column.
    installation.gestao.execute(
        "create constraint trigger lose after insert on public.leads deferrable initially deferred"
        f" for each row when (new.id = {SIX[0]}) execute function lose()"
    )
    with pytest.raises(PermanentError):
        replay(installation.push, "replay")
    assert ids(installation) == SIX


def test_an_export_that_there_is_not_is_told(installation: Installation) -> None:
    with pytest.raises(PermanentError, match="Não existe a exportação"):
        replay(installation.push, "replay", job_id="00000000-0000-4000-8000-000000000000")
    assert (
        replay(installation.push, "replay").sentence()
        == "0 leads were accepted, 0 rejected again, 0 are gone."
    )
