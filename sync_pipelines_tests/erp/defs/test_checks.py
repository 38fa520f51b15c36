"""What stands on the card, what the hourly checks say, and the jobs on a connection."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.erp.defs.checks import SUMMARY_HOLDS
from sync_pipelines.erp.defs.descriptions import FRESH
from sync_pipelines_tests.erp.defs.dagster_runs import Dagster
from sync_pipelines_tests.erp.installation import Connected

AWAY = "postgresql://x:senha-longa@127.0.0.1:1/erp"


def verdict(dagster: Dagster, check: str) -> tuple[bool, str]:
    run = dagster.run("erp_checks")
    assert run.success
    return run.verdicts(check)[None]


def test_a_connection_that_is_left_behind_is_named(dagster: Dagster) -> None:
    assert verdict(dagster, FRESH) == (True, "Holds for 0 connections.")
    one, off = dagster.installed.connect("omie"), dagster.installed.connect("omie")
    dagster.installed.set(off, sync_config=Jsonb({"auto_sync": False}))
    unserved = dagster.installed.connect("totvs")  # it never succeeds, and says why itself
    dagster.installed.sync(one)
    assert verdict(dagster, FRESH) == (True, "Holds for 1 connections.")
    dagster.installed.clock.advance(hours=49)
    passed, sentence = verdict(dagster, FRESH)
    assert not passed
    assert sentence.startswith(f"{one.key}: ")
    assert off.key not in sentence
    assert unserved.key not in sentence


def test_a_summary_that_another_caller_replaced_is_named(dagster: Dagster) -> None:
    one = dagster.installed.connect("omie")
    dagster.installed.sync(one)
    assert verdict(dagster, SUMMARY_HOLDS)[0]
    dagster.installed.erp.execute(
        "update public.credit_analysis_summary set total_potential = total_potential + 1 where user_id = %s",
        [one.user_id],
    )
    passed, sentence = verdict(dagster, SUMMARY_HOLDS)
    assert not passed
    assert str(one.user_id) in sentence


def test_the_card_says_what_a_person_wants_to_know(dagster: Dagster) -> None:
    good, bad = dagster.installed.connect("omie"), dagster.installed.connect("omie", connection_name="A|B")
    dagster.installed.omie.fail("ListarEmpresas_bad_credentials", account=bad.name)
    for one in (good, bad):
        dagster.installed.sync(one)
    run = dagster.run("erp_checks")
    made = run.materialized("connections")[None]
    table = str(made["connections"])
    assert (made["failed"], made["auto_sync_on"], made["dagster/partition_row_count"]) == (1, 2, 2)
    lines = table.splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[0].startswith("| connection | ERP | auto-sync | next sync | last result |")
    (row,) = [line for line in lines if good.key in line]
    assert "| omie | on |" in row
    assert "rows synced" in row
    (row,) = [line for line in lines if bad.key in line]
    assert "waits for a person" in row
    for one in (good, bad):
        assert not any(str(secret) in table for secret in one.credentials.values())


def test_a_database_that_is_away_fails_the_run_in_a_sentence(dagster: Dagster) -> None:
    run = replace(dagster, url=AWAY).run("erp_checks")
    assert not run.success
    kept = " ".join(repr(record) for record in dagster.instance.all_logs(run.run_id))
    assert "senha-longa" not in kept


def waiting(dagster: Dagster) -> Connected:
    one = dagster.installed.connect("omie")
    dagster.installed.omie.fail("ListarEmpresas_bad_credentials", 1, account=one.name)
    dagster.installed.sync(one)
    return one


def test_a_person_switches_and_reviews_connections_from_the_launchpad(
    dagster: Dagster, instance_in_folder: dg.DagsterInstance
) -> None:
    dagster = replace(dagster, instance=instance_in_folder)
    one = waiting(dagster)
    assert dagster.act("erp_auto_sync_off", str(one.id)).success
    assert not dagster.installed.row(one).auto_sync
    assert dagster.act("erp_auto_sync_on", one.key).success
    assert dagster.installed.row(one).auto_sync
    assert dagster.sensor("erp_due").skip_message == "No connection is due."
    assert dagster.act("erp_reviewed", one.key).success
    requests = dagster.sensor("erp_due").run_requests or []
    assert [request.partition_key for request in requests] == [one.key]


@pytest.mark.parametrize("job", ["erp_auto_sync_on", "erp_auto_sync_off", "erp_reviewed"])
def test_a_job_on_an_unknown_connection_fails_in_a_sentence(dagster: Dagster, job: str) -> None:
    run = dagster.act(job, "omie_ffffffff")
    assert not run.success
    assert "No connection has the UUID or key" in run.failure
