"""Download to proof over a real socket and a real database."""

from collections import Counter

from sync_pipelines_tests.conftest import House


def run(house: House, run_id: str = "run") -> Counter[str]:
    """The whole chain as the schedule and the sensor would run it."""
    report = house.chain.download(run_id)
    months = [*report.pending.changed, *report.pending.refresh]
    written: Counter[str] = Counter()
    if months:
        with house.chain.load(run_id, months) as session:
            for month in months:
                for name, outcome in session.load(month).items():
                    assert outcome.proof.holds
                    assert outcome.adds_up
                    written[name] += outcome.changes.touched
    return written


def test_every_row_of_the_export_is_loaded_once(house: House) -> None:
    written = run(house)
    assert written["dre_lines"] == len(house.hitss.rows) == house.value("select count(*) from sync_private.dre_lines")
