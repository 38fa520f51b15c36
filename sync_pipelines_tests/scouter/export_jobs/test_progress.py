"""The counters of a job."""

from __future__ import annotations

import pytest

from sync_pipelines.scouter.export_jobs.progress import Counters


@pytest.mark.parametrize(
    ("before", "exported", "errors", "within", "after"),
    [
        (Counters(10, 4, 0), 3, 1, False, Counters(10, 7, 1)),
        (Counters(10, 9, 1), 3, 0, False, Counters(13, 12, 1)),
        (Counters(10, 9, 1), 3, 0, True, Counters(10, 9, 1)),
        (Counters(10, 10, 0), 0, 2, True, Counters(10, 8, 2)),
        (Counters(10, 8, 2), 2, -2, True, Counters(10, 10, 0)),
        (Counters(1, 0, 1), -2, -2, False, Counters(1, 0, 0)),
    ],
)
def test_counters_never_pass_their_total(
    before: Counters, exported: int, errors: int, after: Counters, *, within: bool
) -> None:
    after_step = before.advanced(exported, errors, within_total=within)
    assert after_step == after
    assert after_step.exported + after_step.errors <= after_step.total
