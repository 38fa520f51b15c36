"""What an asset's page shows of a run that goes on."""

from collections.abc import Iterator
from itertools import chain, repeat

import dagster as dg

from sync_pipelines.lib.progress import Progress
from sync_pipelines.sprinthub.defs.descriptions import LEADS_KEY
from sync_pipelines.sprinthub.defs.observations import Observations


def ticking(*moments: float) -> Iterator[float]:
    return chain(moments, repeat(moments[-1]))


def test_a_segment_is_observed_at_most_every_thirty_seconds() -> None:
    moments = ticking(0, 0, 29, 30, 31, 59, 60)

    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        watch = Observations(context, clock=lambda: next(moments))  # type: ignore[arg-type]
        for segment, done in (("7", 0), ("8", 0), ("7", 10), ("7", 20), ("8", 30), ("7", 40), ("7", 50)):
            given = {"calls": done + 1, "waited": 90.0, "rate": 0.75, "estimate": 120.0}
            watch(Progress(segment, "details", done, total=90, **given))

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
        "a_minute": 45.0,
        "minutes_left": 2.0,
    }
