"""Connections from the vendor to proof, over real sockets into real Postgres: what a sync leaves behind."""

from __future__ import annotations

from sync_pipelines_tests.erp.installation import Installed


def test_a_first_sync_and_a_second_one_that_changes_nothing(installed: Installed) -> None:
    ones = [installed.connect("omie"), installed.connect("bling")]
    for one in ones:
        outcome = installed.sync(one)
        assert outcome.failed == {}
        assert outcome.records_synced > 20
        row, log = installed.row(one), installed.log(one)
        assert (row.status, row.status_message) == ("active", None)
        assert (log["status"], log["records_synced"]) == ("success", outcome.records_synced)
    assert installed.truth(*ones) == []
    for one in ones:
        installed.fake(one).clear()
        installed.functions.calls.clear()
        outcome = installed.sync(one)
        assert (outcome.failed, outcome.records_synced) == ({}, 0)
        assert installed.functions.calls == []
