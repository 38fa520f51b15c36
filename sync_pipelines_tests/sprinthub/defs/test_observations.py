"""What an asset's page and the command line show of a run that goes on."""

from collections.abc import Iterator
from itertools import chain, repeat

import dagster as dg

from sync_pipelines.sprinthub.defs.descriptions import LEADS_KEY
from sync_pipelines.sprinthub.defs.observations import Observations
from sync_pipelines.sprinthub.progress import Progress
from sync_pipelines.sprinthub.progress_line import ProgressLine


def ticking(*moments: float) -> Iterator[float]:
    return chain(moments, repeat(moments[-1]))


def test_a_segment_is_observed_at_most_every_thirty_seconds() -> None:
    moments = ticking(0, 0, 29, 30, 31, 59, 60)

    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        watch = Observations(context, clock=lambda: next(moments))  # type: ignore[arg-type]
        for segment, done in ((7, 0), (8, 0), (7, 10), (7, 20), (8, 30), (7, 40), (7, 50)):
            watch(Progress(segment, "details", done, total=90, calls=done + 1, waited=90.0, estimate=120.0))

    @dg.job
    def job() -> None:
        work()

    result = job.execute_in_process()
    found = [
        event.asset_observation_data.asset_observation
        for event in result.all_events
        if event.is_asset_observation
    ]
    assert [(one.partition, one.metadata["done"].value) for one in found] == [("7", 20), ("8", 30), ("7", 50)]
    assert {one.asset_key for one in found} == {LEADS_KEY}
    values = {name: value.value for name, value in found[0].metadata.items()}
    assert values == {
        "stage": "details",
        "done": 20,
        "of": 90,
        "calls": 21,
        "minutes_waited": 1.5,
        "minutes_left": 2.0,
    }


def test_a_line_says_how_far_it_is_and_the_bar_counts_all_segments() -> None:
    shown: list[tuple[str, int, int]] = []
    moments = ticking(0, 0, 60)
    line = ProgressLine(
        lambda sentence, done, total: shown.append((sentence, done, total)), clock=lambda: next(moments)
    )
    line(Progress(7, "details", 0, total=5_000))
    line(Progress(8, "list", 100, total=300))
    line(Progress(7, "details", 1_200, total=5_000, calls=1_200, waited=846.0, estimate=2_760.0))
    assert shown == [
        ("segment 7: details 0 of 5,000", 0, 5_000),
        ("segment 8: list 100 of 300", 100, 5_300),
        (
            "segment 7: details 1,200 of 5,000, 1,200 a minute, 14.1 minutes waited, 46 minutes left",
            1_300,
            5_300,
        ),
    ]
