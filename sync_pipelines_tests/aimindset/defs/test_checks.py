"""The hourly checks of backups and drills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from sync_pipelines.aimindset.defs import descriptions
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.defs.launches import launch, metadata_of, verdicts


def test_the_hourly_checks_know_age_and_absence(drilled: Project, instance: dg.DagsterInstance) -> None:
    checks = verdicts(launch(drilled, instance, "aimindset_checks", partition=None))
    assert [check.passed for check in checks.values()] == [False] * 3

    launch(drilled, instance)
    launch(drilled, instance, "aimindset_drill", partition=None)
    fresh = drilled.with_clock(lambda: datetime.now(UTC))
    drilled.ops.execute("update ops.copies set made_at = now()")
    assert all(
        check.passed
        for check in verdicts(launch(fresh, instance, "aimindset_checks", partition=None)).values()
    )

    late = fresh.with_clock(lambda: datetime.now(UTC) + timedelta(hours=26))
    checks = verdicts(launch(late, instance, "aimindset_checks", partition=None))
    assert not checks[descriptions.YOUNG].passed
    assert checks[descriptions.DRILLED].passed
    much_later = datetime.now(UTC) + timedelta(days=9)
    later = fresh.with_clock(lambda: much_later)
    assert not verdicts(launch(later, instance, "aimindset_checks", partition=None))[
        descriptions.DRILLED
    ].passed


def test_a_backup_that_was_dated_ahead_is_no_young_one(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    """A clock that ran ahead would keep the check green for as long as it did."""
    launch(drilled, instance)
    drilled.ops.execute("update ops.copies set made_at = made_at + interval '30 days'")
    assert not verdicts(launch(drilled, instance, "aimindset_checks", partition=None))[
        descriptions.YOUNG
    ].passed


def test_an_unproved_backup_is_no_young_one(drilled: Project, instance: dg.DagsterInstance) -> None:
    rpc = drilled.with_(aimindset_backup_by="rpc")
    result = launch(rpc, instance)
    assert result.success
    assert metadata_of(result)["backup"]["proved"] is False
    check = verdicts(result)[descriptions.PROVED]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert not verdicts(launch(rpc, instance, "aimindset_checks", partition=None))[descriptions.YOUNG].passed


def test_copies_that_anybody_deleted_are_missed(drilled: Project, instance: dg.DagsterInstance) -> None:
    """Trap 12: the anonymous role may delete from the copies."""
    launch(drilled, instance)
    with drilled.database.transaction():
        drilled.database.execute("set local role anon")
        drilled.database.execute("delete from backup_articles")
    check = verdicts(launch(drilled, instance, "aimindset_checks", partition=None))[descriptions.BACKED]
    assert not check.passed
