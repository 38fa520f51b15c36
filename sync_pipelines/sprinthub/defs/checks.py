"""The requirement's alert rules over the log table, and freshness by segment: hourly, apart from the runs.

The first three stand on `leads`, whose runs mail the same rules themselves; freshness stands on the list, because it is
the one that finds what no run can say: that none runs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import ROUND_FLOOR, Decimal

import dagster as dg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.orchestration.named_verdict import named_verdict
from sync_pipelines.sprinthub.defs import descriptions
from sync_pipelines.sprinthub.defs.due_segments import DueSegments
from sync_pipelines.sprinthub.segments import alerting, log
from sync_pipelines.sprinthub.segments.at_work import read_running
from sync_pipelines.sprinthub.segments.control import Control
from sync_pipelines.sprinthub.segments.freshness import stale_because
from sync_pipelines.sprinthub.segments.log import LogRow
from sync_pipelines.sprinthub.segments.tables import OFICIALMED

STANDING_CHECKS = (
    dg.AssetCheckKey(descriptions.LEADS_KEY, descriptions.SUCCESS_RATE),
    dg.AssetCheckKey(descriptions.LEADS_KEY, descriptions.RUN_TIME),
    dg.AssetCheckKey(descriptions.LEADS_KEY, descriptions.ERRORS),
    dg.AssetCheckKey(descriptions.LIST_KEY, descriptions.FRESH),
)
_CENT = Decimal("0.01")
_Rule = Callable[[LogRow, int], str | None]


def checks(due: DueSegments) -> list[dg.AssetChecksDefinition]:
    """The checks that run by the hour."""
    return [
        _log_check(
            due,
            descriptions.SUCCESS_RATE,
            "The newest run of each segment left at least 95 % of its leads as the CRM has them.",
            rule=lambda row, _errors: _low(row.success_rate),
        ),
        _log_check(
            due,
            descriptions.RUN_TIME,
            "The newest run of each segment took at most ten minutes.",
            rule=lambda row, _errors: f"{row.duration:.0f} s" if alerting.is_long(row.duration) else None,
        ),
        _log_check(
            due,
            descriptions.ERRORS,
            "No segment failed more than five times in a row.",
            rule=lambda _row, errors: f"{errors} errors in a row" if alerting.are_repeated(errors) else None,
        ),
        _freshness(due),
    ]


def _log_check(due: DueSegments, name: str, description: str, rule: _Rule) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=descriptions.LEADS_KEY, name=name, description=description)
    def check() -> dg.AssetCheckResult:
        with _reading(due) as connection:
            wanted = {row.segment_id for row in Control(connection).all()}
            newest = {one: row for one, row in log.newest_rows(connection).items() if one in wanted}
            errors = {one: log.consecutive_errors(connection, one) for one in newest}
        found = {one: sentence for one, row in newest.items() if (sentence := rule(row, errors[one]))}
        return _verdict(found, looked_at=len(newest))

    return check


def _low(rate: Decimal | None) -> str | None:
    """Cut and not rounded: 94.9999 % is below 95 %."""
    return f"{rate.quantize(_CENT, ROUND_FLOOR)} %" if rate is not None and alerting.is_low(rate) else None


def _freshness(due: DueSegments) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=descriptions.LIST_KEY,
        name=descriptions.FRESH,
        description="The last success of every segment that is not paused is no older than its cadence allows, or a run"
        " is at work on it.",
    )
    def every_segment_is_fresh() -> dg.AssetCheckResult:
        with _reading(due) as connection:
            rows, running = Control(connection).all(), read_running(connection)
        now = due.clock()
        found = {
            row.segment_id: sentence
            for row in rows
            if (sentence := stale_because(row, due.cadence, now, running_since=running.get(row.segment_id)))
        }
        return _verdict(found, looked_at=len({row.segment_id for row in rows}))

    return every_segment_is_fresh


@contextmanager
def _reading(due: DueSegments) -> Iterator[postgres.Connection]:
    with (
        postgres.connect(due.url, what=OFICIALMED, read_only=True) as connection,
        postgres.errors_about(OFICIALMED),
    ):
        yield connection


def _verdict(found: Mapping[int, str], looked_at: int) -> dg.AssetCheckResult:
    """Segments and sentences by number."""
    return named_verdict(
        {f"segment {one}": found[one] for one in sorted(found)},
        f"Holds for {looked_at} segments.",
        metadata={"segments": looked_at, "segments_named": sorted(found)},
    )
