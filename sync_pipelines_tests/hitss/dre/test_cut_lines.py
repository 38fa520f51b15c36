"""Lines that are cut at a COMMIT: what was committed is found, what was not is not, and nothing is there twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_pipelines.hitss.backup import load, restore, tables
from sync_pipelines.hitss.mirror.month_mirror import open_mirror
from sync_pipelines.lib.failures import TransientError
from sync_pipelines_tests.cut_line import Cut, CutLine
from sync_pipelines_tests.hitss.copies import FEBRUARY, JANUARY, MARCH, Kept, Pair

CUTS = pytest.mark.parametrize("cut", ["before", "after"])


@CUTS
def test_a_mirrored_month_is_whole_and_there_once(pair: Pair, cut: Cut) -> None:
    pair.fill(90)
    with CutLine(pair.mirror.destination_url) as line:
        mirror = replace(pair.mirror, destination_url=line.url)
        with open_mirror(mirror, "run-1") as months:
            months.copy(JANUARY)
            line.cut = cut
            outcome = months.copy(FEBRUARY)
            months.copy(MARCH)
        assert line.cuts == 1
    # Repeated where nothing had been committed, and found equal where it had: written by this run in either case.
    assert outcome.changes.touched == 30
    assert outcome.proof.holds
    pair.assert_equal()
    assert pair.touched() == {}


@CUTS
def test_a_dre_backup_is_in_the_catalog_or_not_there(kept: Kept, cut: Cut) -> None:
    with CutLine(kept.url) as line:
        with pytest.raises(TransientError), load.connect(line.url) as connection:
            line.cut = cut
            load.back_up(connection, "cut")
        assert line.cuts == 1
    left = list(tables.find_tables(kept.database))
    assert len(left) == (1 if cut == "after" else 0)

    report = kept.back_up()

    assert list(report.recovered) == left
    assert {copy.name for copy in kept.catalog.backups(tables.ASSET) if copy.proved} == {
        *left,
        report.backup.name,
    }


@CUTS
def test_a_restore_is_whole_or_not_at_all(kept: Kept, cut: Cut) -> None:
    """With its safety copy: both are there after a cut, or neither, and the next backup enters it in the catalog."""
    made = kept.back_up().backup.name
    before = kept.rows()
    kept.database.execute("delete from dre_hitss where id % 2 = 0")
    now = kept.rows()
    copy = restore.find(kept.catalog, made)
    with CutLine(kept.url) as line, load.connect(line.url) as connection:
        line.cut = cut
        with pytest.raises(TransientError):
            restore.restore(connection, kept.catalog, copy, run_id="run", partition_key=kept.today)
        assert line.cuts == 1
    assert kept.rows() == (before if cut == "after" else now)
    safety = [name for name in tables.find_tables(kept.database) if name != made]
    assert [kept.rows(name) for name in safety] == ([now] if cut == "after" else [])
    assert list(kept.back_up().recovered) == safety
