"""The credit analysis of a user's imports: what is called, what is recorded, and what a failure leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from sync_pipelines.erp.analyses.credits import ASSET, GIVE_UP_AFTER, IN_FLIGHT, analyse_credits
from sync_pipelines.lib import postgres
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.lib.records import open_records
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.analyses.project import FUNCTION, USER, Project

ANALYSED = "select bool_and(analysed is not distinct from wanted) from sync_private.credit_analyses"
CREDITS = "select count(*) from public.identified_credits"


def test_each_import_is_one_call_and_none_is_made_again(project: Project) -> None:
    """Trap 61: without the import's id each call would insert duplicates."""
    one, two = project.add("2.00", "4.00"), project.add("10.00")
    first = project.analyse()
    assert (first.status, first.analysed, first.credits, first.failed) == ("success", 2, 3, 0)
    bodies = project.bodies()
    assert {body["xml_import_id"] for body in bodies} == {str(one), str(two)}
    assert {(body["user_id"], len(body["parsed_xmls"])) for body in bodies} == {(str(USER), 1)}
    assert {call.caller and call.caller.kind for call in project.fake.calls} == {"service"}
    again = project.analyse()
    assert (again.status, again.analysed, len(project.bodies())) == ("success", 0, 2)
    proof = project.syncs.records.proofs.newest(ASSET)[project.syncs.session(project.connection_id).key]
    assert proof.holds and proof.proof.source["imports"] == "2"
    assert project.value(CREDITS) == 3


def test_a_change_is_analysed_again_and_replaces_the_credits(project: Project) -> None:
    one = project.add("2.00", "4.00")
    project.analyse()
    project.change(one, "7.00", "8.00")
    assert project.analyse().analysed == 1
    assert project.rows("select potential_recovery::text from public.identified_credits order by 1") == [
        ("7.00",),
        ("8.00",),
    ]


@pytest.mark.parametrize("state", ["cancelada", "denegada"])
def test_a_cancelled_invoice_loses_its_credits(project: Project, state: str) -> None:
    one = project.add("2.00")
    project.analyse()
    project.change(one, "2.00", state=state)
    outcome = project.analyse()
    assert (outcome.cleared, outcome.analysed, project.value(CREDITS)) == (1, 0, 0)
    assert project.bodies()[-1]["parsed_xmls"] == []
    assert project.value("select total_potential from public.credit_analysis_summary") == 0


def test_an_invoice_that_was_cancelled_before_its_analysis_needs_no_call(project: Project) -> None:
    project.add("2.00", state="cancelada")
    assert project.analyse().status == "success"
    assert project.bodies() == [] and project.value(ANALYSED)


@pytest.mark.parametrize(
    "fault",
    [
        "server_error",
        "hang",
        "cut",
        "drop",
        "bad_gateway",
        "worker_limit",
        "throttled",
        "not_successful",
        "null",
    ],
)
def test_a_failure_is_recorded_and_wanted_again(project: Project, fault: str) -> None:
    """Trap 66."""
    project.add("2.00")
    project.fake.fail(f"{FUNCTION}_{fault}")
    project.patience = 0.3 if fault == "hang" else 30.0
    outcome = project.analyse()
    assert (outcome.status, outcome.failed) == ("error", 1)
    assert isinstance(outcome.error, TransientError)
    assert "Notas que a próxima sincronização analisa: 1." in outcome.message
    assert project.value("select error is not null and analysed is null from sync_private.credit_analyses")
    project.fake.clear()
    project.patience = 30.0
    assert project.analyse().status == "success"
    assert project.value("select error is null from sync_private.credit_analyses") and project.value(ANALYSED)


@pytest.mark.parametrize("fault", ["half_done", "drop_after", "hang_after", "cut_after", "error_after"])
def test_an_effect_whose_answer_is_lost_is_made_again_in_the_same_sync(project: Project, fault: str) -> None:
    project.add("2.00", "3.00")
    project.fake.fail(f"{FUNCTION}_{fault}", times=1)
    # Long enough for the call in its place, on a busy machine too.
    project.patience = 3.0 if fault == "hang_after" else 30.0
    assert project.analyse().status == "success"
    assert (project.value(CREDITS), len(project.bodies())) == (2, 2)
    assert project.titles() == ["💰 2 créditos tributários identificados!"]


def test_a_success_without_an_effect_is_a_failure(project: Project) -> None:
    one = project.add("2.00")
    project.fake.fail(f"{FUNCTION}_without_effect", times=2)
    outcome = project.analyse()
    assert outcome.status == "error" and "0 are stored" in outcome.message
    project.analyse()
    # The same number of credits as before, of which none is of this call.
    project.change(one, "9.00")
    project.fake.fail(f"{FUNCTION}_without_effect", times=2)
    assert "1 of them from before the call" in project.analyse().message
    assert not project.value(ANALYSED)


def test_credits_that_came_twice_or_are_gone_are_analysed_again(project: Project) -> None:
    """A call whose connection was lost may insert after the call that was made in its place."""
    one, two = project.add("2.00"), project.add("3.00", "4.00")
    project.analyse()
    project.erp.execute(
        "insert into public.identified_credits (user_id, xml_import_id, rule_id, potential_recovery)"
        " select user_id, xml_import_id, rule_id, potential_recovery from public.identified_credits"
        " where xml_import_id = %s",
        (one,),
    )
    project.erp.execute(
        "delete from public.identified_credits where xml_import_id = %s and potential_recovery = 3", (two,)
    )
    outcome = project.analyse()
    assert (outcome.status, outcome.analysed) == ("success", 2)
    assert project.value(CREDITS) == 3
    assert project.value("select total_potential from public.credit_analysis_summary") == 9


def test_a_trigger_that_swallows_credits_is_found(project: Project) -> None:
    project.add("2.00")
    project.erp.execute(
        "create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;"
        " create trigger swallow before insert on public.identified_credits for each row execute function swallow()"
    )
    assert project.analyse().status == "error" and not project.value(ANALYSED)


def test_a_refused_token_ends_the_calls_and_says_what_to_check(project: Project) -> None:
    for _ in range(20):
        project.add("2.00")
    outcome = project.analyse(erp_functions_key="another-key-of-another-project")
    assert isinstance(outcome.error, RefusedError) and "ERP_FUNCTIONS_KEY" in str(outcome.error)
    assert len(project.bodies()) <= 2 * IN_FLIGHT


def test_a_function_that_is_down_is_not_called_for_every_import(project: Project) -> None:
    for _ in range(40):
        project.add("2.00")
    project.fake.fail(f"{FUNCTION}_unavailable")
    assert project.analyse().status == "error"
    assert GIVE_UP_AFTER <= len(project.bodies()) <= GIVE_UP_AFTER + 2 * IN_FLIGHT


def test_imports_that_cannot_be_parsed_do_not_hold_up_the_others(project: Project) -> None:
    for _ in range(2 * GIVE_UP_AFTER):
        project.add(raw_data={"produtos": "none"})
    project.add("2.00")
    outcome = project.analyse()
    assert (outcome.analysed, outcome.failed, len(project.bodies())) == (1, 2 * GIVE_UP_AFTER, 1)


def test_imports_that_failed_come_after_those_that_were_never_sent(project: Project) -> None:
    """Else those that fail whenever the function is down would keep the others from their turn for ever."""
    for _ in range(4 * GIVE_UP_AFTER):
        project.add("1.00")
    project.fake.fail(f"{FUNCTION}_not_deployed")
    project.analyse()
    project.erp.execute("update sync_private.credit_analyses set error = 'x'")
    before = len(project.bodies())
    new = project.add("2.00")
    project.analyse()
    sent = [body["xml_import_id"] for body in project.bodies()[before:]]
    assert str(new) in sent and len(sent) < 4 * GIVE_UP_AFTER


def test_a_change_during_the_call_is_analysed_as_well(project: Project) -> None:
    one = project.add("2.00")
    project.fake.before(FUNCTION, 1, lambda: project.change(one, "5.00", "6.00"))
    assert project.analyse().status == "success"
    assert (project.value(CREDITS), len(project.bodies())) == (2, 2) and project.value(ANALYSED)


def test_a_kill_between_the_call_and_its_record_costs_one_call(project: Project) -> None:
    project.add("2.00")

    def killed(_: postgres.Connection) -> None:
        if project.bodies():
            raise InterruptedRunError

    with pytest.raises(InterruptedRunError):
        project.analyse(fence=killed)
    assert (project.value(CREDITS), len(project.titles())) == (1, 1) and not project.value(ANALYSED)
    assert project.analyse().status == "success"
    assert (project.value(CREDITS), len(project.bodies())) == (1, 2)
    assert project.titles() == ["💰 1 créditos tributários identificados!"]


def test_a_cancellation_ends_a_call_that_hangs(project: Project) -> None:
    project.add("2.00")
    cancellation = Cancellation()
    project.fake.fail(f"{FUNCTION}_hang")
    project.fake.before(FUNCTION, 1, cancellation.cancel)
    session = project.syncs.session(project.connection_id)
    with (
        project.access().open(session.connection, cancellation) as functions,
        pytest.raises(InterruptedRunError),
    ):
        analyse_credits(session, functions)


def test_two_syncs_of_one_user_share_the_calls(
    project: Project, erp_url: str, ops_url: str, tmp_path: Path
) -> None:
    imports = {str(project.add("2.00")) for _ in range(12)}
    begin = Barrier(2)

    def sync(number: int) -> str:
        with (
            postgres.connect(erp_url, what="the erp database") as connection,
            open_records(ops_url) as records,
        ):
            syncs = Syncs(connection, records, tmp_path / str(number), clock=project.syncs.clock)
            begin.wait()
            return project.analyse(syncs=syncs).status

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(sync, range(2))) == ["success", "success"]
    assert sorted(body["xml_import_id"] for body in project.bodies()) == sorted(imports)
    assert project.titles() == ["💰 12 créditos tributários identificados!"]


def test_without_functions_it_is_skipped_and_without_the_table_it_says_so(project: Project) -> None:
    project.add("2.00")
    skipped = project.analyse(erp_functions_url=None)
    assert skipped.status == "skipped" and "ERP_FUNCTIONS_URL" in skipped.message
    assert isinstance(project.analyse(erp_functions_key=None).error, PermanentError)
    project.erp.execute("drop table public.identified_credits")
    outcome = project.analyse()
    assert outcome.status == "error" and "public.identified_credits" in outcome.message


def test_another_sync_may_have_taken_the_connection(project: Project) -> None:
    project.add("2.00")

    def fenced(_: postgres.Connection) -> None:
        raise TransientError("Another run has the connection.")

    outcome = project.analyse(fence=fenced)
    assert outcome.status == "error" and "Another run" in outcome.message and project.bodies() == []


def test_an_analysis_that_is_not_recorded_is_no_success(project: Project) -> None:
    """A trigger swallows the record: no call failed, and the import still waits."""
    project.add("2.00")
    project.erp.execute(
        "update sync_private.credit_analyses set connection_id = (select id from public.erp_connections limit 1)"
    )
    project.erp.execute(
        "create function unseen() returns trigger language plpgsql as $$ begin return null; end $$;"
        " create trigger unseen before update on sync_private.credit_analyses for each row"
        " when (new.analysed is not null) execute function unseen()"
    )
    assert project.analyse().status == "error"
    assert project.value("select count(*) from sync_private.credit_analyses where analysed is not null") == 0
