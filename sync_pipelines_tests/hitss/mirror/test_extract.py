"""The two databases of a run: one snapshot, one lock, lost connections, roles that do not see all rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_pipelines.hitss.mirror.extract import Mirror
from sync_pipelines.hitss.mirror.month_mirror import MonthMirror, open_mirror
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines_tests.hitss.copies import FEBRUARY, JANUARY, MARCH, Pair


def test_the_source_is_one_snapshot_for_the_whole_run(pair: Pair) -> None:
    pair.fill(90)
    before = pair.rows(pair.source)
    with open_mirror(pair.mirror, "run-1") as months:
        months.copy(JANUARY)
        pair.source.execute("update dre_hitss set valor = valor * 2")
        for month in (FEBRUARY, MARCH):
            months.copy(month)
    assert pair.rows(pair.destination) == before


@pytest.mark.parametrize("side", ["source", "destination", "both"])
def test_a_lost_connection_is_made_again_and_the_month_repeated(pair: Pair, side: str) -> None:
    pair.fill(90)
    with open_mirror(pair.mirror, "run-1") as months:
        months.copy(JANUARY)
        cut(pair, side)
        outcomes = [months.copy(month) for month in (FEBRUARY, MARCH)]
    assert [one.changes.inserted for one in outcomes] == [30, 30]
    pair.assert_equal()


def cut(pair: Pair, side: str) -> None:
    """End the mirror's server processes, as a restart of the server would."""
    for name, connection in (("source", pair.source), ("destination", pair.destination)):
        if side in (name, "both"):
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and application_name = 'sync_pipelines'"
            )


def test_a_database_that_stays_away_fails_the_month_with_a_sentence(pair: Pair) -> None:
    pair.fill(90)
    with open_mirror(pair.mirror, "run-1") as months:
        months.copy(JANUARY)
        allow = f"alter database {pair.destination.info.dbname} allow_connections ".encode()
        pair.source.execute(allow + b"false")
        cut(pair, "destination")
        with pytest.raises(SyncError, match="hitss database"):
            months.copy(FEBRUARY)
        pair.source.execute(allow + b"true")
    assert pair.rows(pair.destination, "competencia = '2025-02-01'") == []


def test_a_database_that_stays_away_is_not_waited_for_once_a_month(pair: Pair) -> None:
    pair.fill(90)
    pauses: list[float] = []
    with open_mirror(replace(pair.mirror, sleep=pauses.append), "run-1") as months:
        allow = f"alter database {pair.destination.info.dbname} allow_connections ".encode()
        pair.source.execute(allow + b"false")
        cut(pair, "destination")
        for month in (JANUARY, FEBRUARY):
            with pytest.raises(SyncError):
                months.copy(month)
        pair.source.execute(allow + b"true")
        assert months.copy(MARCH).changes.inserted == 30
    assert len([pause for pause in pauses if pause]) <= 3


def test_two_mirrors_do_not_run_at_once(pair: Pair) -> None:
    pair.fill(9)
    with (
        open_mirror(pair.mirror, "run-1"),
        pytest.raises(TransientError, match="Another run of the mirror"),
        open_mirror(pair.mirror, "run-2"),
    ):
        pytest.fail("the second one got the lock")


def test_a_role_from_which_rows_are_hidden_mirrors_nothing(pair: Pair) -> None:
    pair.fill(9)
    pair.run()
    name, port = pair.source.info.dbname, pair.source.info.port
    pair.source.execute("drop role if exists half_blind")
    pair.source.execute("create role half_blind login password 'uma-senha-longa' in role authenticated")
    blind = f"postgresql://half_blind:uma-senha-longa@127.0.0.1:{port}/{name}"
    try:
        with (
            pytest.raises(SyncError, match=r"hides rows of public\.dre_hitss"),
            open_mirror(Mirror(blind, pair.mirror.destination_url), "run-1"),
        ):
            pytest.fail("it would have deleted every row of the mirror")
    finally:
        pair.source.execute("drop role half_blind")
    pair.assert_equal()


def test_the_session_says_what_differs(pair: Pair) -> None:
    pair.fill(90)
    pair.run()
    pair.source.execute("delete from dre_hitss where competencia = '2025-03-01'")
    with open_mirror(pair.mirror, "run-1") as months:
        assert isinstance(months, MonthMirror)
        assert months.databases.differing == [MARCH]
        assert months.databases.months == [JANUARY, FEBRUARY, MARCH]
