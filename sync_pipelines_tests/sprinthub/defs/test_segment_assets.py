"""Segments through Dagster: each materializes and fails on its own, and says what it did."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from sync_pipelines.sprinthub.defs import descriptions
from sync_pipelines_tests.sprinthub.defs.dagster_runs import Dagster

ASSETS = ("segment_leads", "segment_membership", "leads")


def test_a_segment_reports_the_figures_of_the_business_first(dagster: Dagster) -> None:
    dagster.segment(7, leads=23)
    run = dagster.launch(7)
    assert run.success
    assert [list(run.materialized(asset)) for asset in ASSETS] == [["7"]] * 3
    page = run.materialized("leads")["7"]
    assert list(page)[:8] == [
        *("leads_in_segment", "entered", "left", "enriched", "new_in_the_table", "changed", "rejected"),
        "success_rate",
    ]
    assert (page["leads_in_segment"], page["entered"], page["enriched"]) == (23, 23, 23)
    assert page["errors_of_the_last_30_runs"] == 0
    assert page["minutes_of_the_last_runs"].startswith("![")
    assert page["dagster/partition_row_count"] == 23
    assert page["proved"] is True
    assert run.verdicts("list_is_complete")["7"][0]
    passed, sentence = run.verdicts("every_detail_is_accounted_for")["7"]
    assert passed
    assert "23 leads = 0 up to date + 23 inserted" in sentence
    assert run.verdicts("leads_equal_the_crm")["7"][0]
    assert "since" not in run.verdicts("leads_equal_the_crm")["7"][1]
    assert "oldest_reading" not in page


def test_a_proof_that_rests_on_details_of_earlier_runs_says_since_when(dagster: Dagster) -> None:
    dagster.segment(7, leads=3)
    (lead, *_) = dagster.crm.tenant.visible(7)
    dagster.launch(7)
    row = dagster.oficialmed.execute(
        "update sync_private.lead_details set detailed_at = date_trunc('second', detailed_at) - interval '3 days'"
        " where lead_id = %s returning detailed_at at time zone 'UTC'",
        (lead,),
    ).fetchone()
    assert row is not None
    dagster.crm.tenant.change_lead(dagster.crm.tenant.visible(7)[1], city="Outra")
    run = dagster.launch(7)
    passed, sentence = run.verdicts("leads_equal_the_crm")["7"]
    assert passed
    assert f"by details read since {row[0]:%Y-%m-%d %H:%M} UTC" in sentence
    assert run.materialized("leads")["7"]["oldest_reading"] == f"{row[0].isoformat()}+00:00"


def test_unknown_fields_are_a_warning_with_their_sql(dagster: Dagster) -> None:
    dagster.segment(7, leads=3)
    (lead, *_) = dagster.crm.tenant.visible(7)
    dagster.crm.tenant.change_lead(lead, cupom_da_semana="PRIMAVERA")
    run = dagster.launch(7)
    passed, sentence = run.verdicts("no_custom_field_is_unknown")["7"]
    assert run.success
    assert not passed
    assert "cupom_da_semana (1 leads)" in sentence
    assert 'alter table "api"."leads" add column "cupom_da_semana" text;' in sentence
    assert "PRIMAVERA" not in str(run.materialized("leads"))
    severity = [
        event.asset_check_evaluation_data.severity
        for event in run.events(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        if not event.asset_check_evaluation_data.passed
    ]
    assert severity == [dg.AssetCheckSeverity.WARN]


def test_a_run_that_reads_no_detail_still_knows_the_fields_without_a_column(dagster: Dagster) -> None:
    dagster.segment(7, leads=3)
    (lead, *_) = dagster.crm.tenant.visible(7)
    dagster.crm.tenant.change_lead(lead, cupom_da_semana="PRIMAVERA", status_callix="x")
    first = dagster.launch(7).verdicts("no_custom_field_is_unknown")["7"]
    again = dagster.launch(7)
    assert again.materialized("leads")["7"]["enriched"] == 0
    assert again.verdicts("no_custom_field_is_unknown")["7"] == first
    assert again.materialized("leads")["7"]["unknown_fields"]["cupom_da_semana"] == 1
    assert "callix" not in first[1]


def test_one_failing_segment_touches_no_other(dagster: Dagster) -> None:
    dagster.segment(7, leads=5)
    dagster.segment(8)  # the CRM does not have it
    dagster.segment(9, leads=5)
    run = dagster.launch(7, 8, 9)
    assert not run.success
    assert [list(run.materialized(asset)) for asset in ASSETS] == [["7", "9"]] * 3
    assert run.failure.startswith("1 of 3 partitions failed, the others are done: 8: ")
    assert run.verdicts("list_is_complete")["9"][0]
    assert not run.verdicts("list_is_complete")["8"][0]
    assert [dagster.control(one)[0] for one in (7, 8, 9)] == ["active", "error", "active"]


def test_a_list_that_was_accepted_is_not_called_complete(dagster: Dagster) -> None:
    dagster.segment(7, leads=5)
    dagster.crm.fail("list_total_too_high")
    run = dagster.launch(7, accept=["total_mismatch"])
    assert run.success
    passed, sentence = run.verdicts("list_is_complete")["7"]
    assert not passed
    assert "The list has 5 leads and the CRM counts 6: " in sentence


def test_the_list_stands_when_details_do_not_come(dagster: Dagster) -> None:
    dagster.segment(7, leads=5)
    lost = dagster.crm.tenant.visible(7)[2]
    dagster.crm.fail("detail_server_error", lead=lost)
    run = dagster.launch(7)
    assert not run.success
    assert "The details of 1 leads did not come" in run.failure
    assert list(run.materialized("segment_leads")) == ["7"]
    assert list(run.materialized("segment_membership")) == ["7"]
    assert run.materialized("leads") == {}
    assert run.verdicts("list_is_complete")["7"][0]
    assert not run.verdicts("every_detail_is_accounted_for")["7"][0]
    assert dagster.control(7)[0] == "error"


def test_a_refused_token_after_the_list_fails_the_leads_alone(dagster: Dagster) -> None:
    dagster.segment(7, leads=5)
    dagster.crm.fail("detail_bad_token")
    run = dagster.launch(7)
    assert not run.success
    assert "SPRINTHUB_API_TOKEN" in run.failure
    assert list(run.materialized("segment_leads")) == ["7"]
    assert run.materialized("leads") == {}


def test_a_segment_that_is_not_due_any_more_is_left_alone(dagster: Dagster) -> None:
    dagster.segment(7, leads=5, due="2999-01-01")
    run = dagster.launch(7, only_if_due=True)
    assert run.success
    assert [run.materialized(asset) for asset in ASSETS] == [{}] * 3
    assert dagster.crm.calls.count() == 0
    assert dagster.launch(7).materialized("leads")["7"]["leads_in_segment"] == 5


def test_a_segment_that_another_run_has_is_left_alone_by_an_automatic_run(dagster: Dagster) -> None:
    dagster.segment(7, leads=5)
    with dagster.sync.runs.execution(7, run_id="other"):
        automatic, by_hand = dagster.launch(7, only_if_due=True), dagster.launch(7)
    assert automatic.success
    assert automatic.materialized("leads") == {}
    assert not by_hand.success
    assert "being synced by another run" in by_hand.failure


def test_only_the_selected_assets_get_events(dagster: Dagster) -> None:
    dagster.segment(7, leads=5)
    dagster.instance.add_dynamic_partitions("segment", ["7"])
    result = dagster.definitions.resolve_job_def("sprinthub_sync").execute_in_process(
        instance=dagster.instance, partition_key="7", asset_selection=[descriptions.LEADS_KEY]
    )
    made = [event.asset_key for event in result.get_asset_materialization_events()]
    assert made == [descriptions.LEADS_KEY]
    assert dagster.oficialmed.execute("select count(*) from api.leads").fetchone() == (5,)


@pytest.mark.parametrize(
    ("key", "config", "sentence"),
    [
        ("sete", {}, "the number of a segment is a whole number"),
        ("7", {"accept": ["everything"]}, "accept names everything; what can be decided is mass_leaving"),
    ],
)
def test_what_cannot_be_run_says_so(
    dagster: Dagster, key: str, config: dict[str, Any], sentence: str
) -> None:
    run = dagster.launch(key, **config)  # type: ignore[arg-type]
    assert not run.success
    assert sentence in run.failure


def test_a_second_run_says_that_nothing_changed_and_draws_both(dagster: Dagster) -> None:
    dagster.segment(7, leads=5)
    dagster.launch(7)
    page = dagster.launch(7).materialized("leads")["7"]
    assert (page["enriched"], page["rows_unchanged"], page["entered"]) == (0, 5, 0)
    assert len(page["minutes_of_the_last_runs"]) < 1_000


def test_the_token_and_a_person_reach_no_event(dagster: Dagster) -> None:
    dagster.segment(7, leads=11)
    lead = dagster.crm.tenant.visible(7)[0]
    person = {"firstname": "Vitória Plantada", "phone": "+5511987650000", "points": "9" * 30}
    dagster.crm.tenant.change_lead(lead, **person)
    dagster.launch(7)
    dagster.crm.fail("detail_bad_token")
    dagster.launch(7, full=True)
    kept = " ".join(
        repr(record)
        for run in dagster.instance.get_runs()
        for record in dagster.instance.all_logs(run.run_id)
    )
    assert "leads_in_segment" in kept
    for hidden in (dagster.crm.token, "Plantada", "+5511987650000", "9" * 30):
        assert hidden not in kept
