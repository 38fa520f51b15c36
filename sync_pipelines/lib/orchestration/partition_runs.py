"""Many partitions in one run, each on its own: the pattern that Dagster does not give by itself.

In a range run a failed step or a blocking check stops every key downstream. So a chain is one
`@multi_asset(can_subset=True)` that loops over its keys. Good keys go on to the end of the chain; when some
fail, the good ones are logged by hand and the step fails naming the bad ones, so that a backfill repeats
only those. When all are good, Dagster emits the events, with our metadata per key.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration.partition_reports import (
    CheckReport,
    Reports,
    log_check,
    log_checks,
    summaries,
)
from sync_pipelines.lib.redaction import redact, redacted_exception

_Context = dg.AssetExecutionContext | dg.OpExecutionContext


class PartitionsStoppedError(Exception):
    """The run stops before its next partition. `cancels`: a person asked for it, and the run ends as cancelled."""

    def __init__(self, sentence: str, *, cancels: bool) -> None:
        super().__init__(redact(sentence))
        self.cancels = cancels

    def ending(self, context: _Context, done: int = 0) -> dg.Failure | dg.DagsterExecutionInterruptedError:
        """The error that ends the step."""
        sentence = f"{self} {done} partitions are done." if done else str(self)
        if self.cancels:
            # Dagster takes an interruption that nobody asked for as a failure.
            context.instance.report_run_canceling(context.run, sentence)
            return dg.DagsterExecutionInterruptedError(sentence)
        return dg.Failure(sentence, allow_retries=False)


class PartlyDoneError(SyncError):
    """A partition fails, but some of its assets are done: `reports` are theirs."""

    def __init__(self, sentence: str, reports: Reports) -> None:
        super().__init__(sentence)
        self.reports = reports


@dataclass
class _Worked:
    """What became of the partitions of a run."""

    good: dict[str, Reports] = field(default_factory=dict)
    #: Sentences of those that failed.
    bad: dict[str, str] = field(default_factory=dict)
    #: What is done of those that failed.
    partly: dict[str, Reports] = field(default_factory=dict)
    #: What ended the work before its last partition.
    stop: PartitionsStoppedError | None = None

    @property
    def skipped(self) -> list[str]:
        """Partitions that the work looked at and left alone."""
        return [partition for partition, reports in self.good.items() if not reports]

    @property
    def reported(self) -> dict[str, Reports]:
        return {partition: reports for partition, reports in self.good.items() if reports}

    def fail(self, partition: str, error: Exception) -> None:
        self.bad[partition] = str(error) if isinstance(error, SyncError) else redacted_exception(error)
        if isinstance(error, PartlyDoneError):
            self.partly[partition] = error.reports

    def ending(self, context: _Context) -> dg.Failure | dg.DagsterExecutionInterruptedError:
        if self.stop and not self.bad:
            return self.stop.ending(context, len(self.good))
        return _failure(self.good, self.bad)


_Result = dg.MaterializeResult[Any]


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Let Dagster's storage reuse a connection in this process.

    Otherwise it opens three for each event, and a range run writes thousands: with a password login that is most of
    the run's time. The webserver calls the same method.
    """
    instance.optimize_for_webserver(statement_timeout=60_000, pool_recycle=3600, max_overflow=5)


def failure_sentence(failure: Any) -> str:
    """What a person reads about a failed step: our sentence, or the message of the error that caused it."""
    description = failure.user_failure_data.description if failure.user_failure_data else None
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return redact(description or (error.message.strip() if error else "no message"))


@contextmanager
def failing_in_a_sentence(context: _Context) -> Iterator[None]:
    """End the step with a sentence, chained to nothing: an error may carry a secret, a query or a row.

    Of an unexpected error the frames are logged, without its message.
    """
    try:
        yield
    except PartitionsStoppedError as stop:
        raise stop.ending(context) from None
    except SyncError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except dg.Failure:
        raise
    except Exception as error:
        context.log.error("Unexpected error at:\n" + "".join(traceback.format_tb(error.__traceback__)))
        raise dg.Failure(redacted_exception(error), allow_retries=False) from None


def run_partitions(
    context: dg.AssetExecutionContext,
    keys: Sequence[dg.AssetKey],
    work: Callable[[str], Reports],
    *,
    failed_check: dg.AssetCheckKey,
    confirm: Callable[[], Mapping[str, str]] = dict,
) -> Iterator[_Result]:
    """Do `work` for every partition key of the run; `keys` are the selected assets in topological order.

    A key whose work raises is logged as a failed evaluation of `failed_check` and of every other check of the
    run, and does not stop the others; of PartlyDoneError's reports the assets are logged as done. An asset of which
    the work returns no report was left alone and gets no event: it must be one that a run may leave out
    (`can_subset`). After the last key `confirm` returns those that are no longer what they were, each with a
    sentence. Raises dagster.Failure, naming the failed keys, at the end.
    """
    if not context.partition_keys:
        raise dg.Failure("The run's range holds no partition: its ends may be reversed.", allow_retries=False)
    worked = _work_through(context, context.partition_keys, work)
    for partition, sentence in confirm().items():
        worked.good.pop(partition, None)
        worked.bad[partition] = sentence
        context.log.error(f"{partition} failed: {sentence}")
    reported = worked.reported
    _log_elsewhere(context, reported)
    if worked.bad or worked.stop:
        _log_by_hand(context, reported, worked, failed_check=failed_check)
        raise worked.ending(context)
    if worked.skipped or any(set(keys) - reports.keys() for reports in reported.values()):
        # Of an asset that is yielded Dagster materializes every key of the run.
        _log_by_hand(context, reported, worked, failed_check=failed_check)
        for key in keys:
            for one in summaries(context, key, reported):
                whole = CheckReport(
                    str(one.check_name), one.passed, one.description or "", severity=one.severity
                )
                log_check(context, key, None, check=whole)
        return
    yield from _results(context, keys, reported)


def run_chosen(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    chosen: Sequence[str],
    work: Callable[[str], Reports],
    *,
    failed_check: dg.AssetCheckKey,
    summary: Callable[[str], str | None] = lambda _check: None,
) -> Iterator[_Result | dg.AssetCheckResult]:
    """As `run_partitions`, for partitions that the run itself chose: the others of its range get no event.

    The asset's spec must be skippable: events are logged by hand, for `chosen` keys that the asset knows. Of a whole
    range Dagster emits them, because it skips every check behind an asset that is not yielded. `work` may end the run
    with PartitionsStoppedError; what was done is logged. `summary` is the sentence of a check that passed as a whole.
    """
    worked = _work_through(context, chosen, work)
    known = set(context.partition_keys)
    logged = {partition: reports for partition, reports in worked.good.items() if partition in known}
    failed = {partition: sentence for partition, sentence in worked.bad.items() if partition in known}
    is_whole = logged.keys() == known and not (worked.bad or worked.stop)
    if not is_whole:
        _log_by_hand(context, logged, _Worked(logged, failed, worked.partly), failed_check=failed_check)
    if worked.bad or worked.stop:
        raise worked.ending(context)
    checks = [
        one._replace(description=summary(str(one.check_name)) or one.description) if one.passed else one
        for one in summaries(context, key, worked.good)
    ]
    if not is_whole:
        yield from checks
        return
    for result in _results(context, [key], logged):
        yield result._replace(check_results=checks)


def _work_through(
    context: dg.AssetExecutionContext, partitions: Sequence[str], work: Callable[[str], Reports]
) -> _Worked:
    keep_connections(context.instance)
    worked = _Worked()
    for number, partition in enumerate(partitions, 1):
        try:
            worked.good[partition] = work(partition)
            context.log.debug(f"{partition} is done ({number} of {len(partitions)}).")
        except PartitionsStoppedError as stop:
            context.log.warning(f"{partition}: {stop}")
            worked.stop = stop
            break
        except Exception as error:  # a bug in one month must not lose the reports of the others
            worked.fail(partition, error)
            context.log.error(f"{partition} failed: {worked.bad[partition]}")
    return worked


def _failed_sentence(good: Mapping[str, Reports], bad: Mapping[str, str]) -> str:
    sentences = "; ".join(f"{partition}: {sentence}" for partition, sentence in list(bad.items())[:5])
    more = f" (and {len(bad) - 5} more)" if len(bad) > 5 else ""
    others = ", the others are done" if good else ""
    return f"{len(bad)} of {len(bad) + len(good)} partitions failed{others}: {sentences}{more}"


def _failure(good: Mapping[str, Reports], bad: Mapping[str, str]) -> dg.Failure:
    return dg.Failure(
        _failed_sentence(good, bad),
        metadata={"failed_partitions": list(bad)},
        allow_retries=False,
    )


def _log_by_hand(
    context: dg.AssetExecutionContext,
    good: Mapping[str, Reports],
    worked: _Worked,
    failed_check: dg.AssetCheckKey,
) -> None:
    for partition, reports in (*good.items(), *worked.partly.items()):
        for key, report in reports.items():
            context.log_event(
                dg.AssetMaterialization(key, metadata=dict(report.metadata), partition=partition)
            )
            log_checks(context, key, partition, checks=report.checks)
    if not worked.bad:
        return
    partitioned = {spec.key for spec in context.assets_def.check_specs if spec.partitions_def is not None}
    selected = context.selected_asset_check_keys
    for check in sorted(selected & {failed_check, *partitioned}, key=lambda one: one.to_user_string()):
        failed = {
            partition: sentence
            for partition, sentence in worked.bad.items()
            if check.asset_key not in worked.partly.get(partition, {})
        }
        for partition, sentence in failed.items():
            description = (
                sentence if check == failed_check else f"Not looked at, the partition failed: {sentence}"
            )
            log_check(context, check.asset_key, partition, check=CheckReport(check.name, False, description))
        if failed and "dagster/partition" not in context.run.tags:
            # The newest verdict stands for the whole asset: it must not be that of the last good partition.
            whole = CheckReport(check.name, False, _failed_sentence(good, failed))
            log_check(context, check.asset_key, None, check=whole)


def _log_elsewhere(context: dg.AssetExecutionContext, good: Mapping[str, Reports]) -> None:
    """Verdicts on assets that the run does not materialize, by partition and then for the whole asset."""
    found: dict[tuple[dg.AssetKey, str], dict[str, CheckReport]] = {}
    for partition, reports in good.items():
        for report in reports.values():
            for key, check in report.elsewhere.items():
                found.setdefault((key, check.name), {})[partition] = check
    for (key, name), checks in found.items():
        for partition, check in checks.items():
            context.log.warning(f"{partition}: {check.description}")
            log_check(context, key, partition, check=check)
        sentences = "; ".join(
            f"{partition}: {check.description}" for partition, check in list(checks.items())[:5]
        )
        log_check(context, key, None, check=CheckReport(name, False, sentences))


def _results(
    context: dg.AssetExecutionContext, keys: Sequence[dg.AssetKey], good: Mapping[str, Reports]
) -> Iterator[_Result]:
    # Dagster gives a check's result its partition only in a run of one key that is not a range.
    single = "dagster/partition" in context.run.tags
    for key in keys:
        for partition, reports in good.items():
            context.add_asset_metadata(dict(reports[key].metadata), asset_key=key, partition_key=partition)
            if not single:
                log_checks(context, key, partition, checks=reports[key].checks)
        yield dg.MaterializeResult(asset_key=key, check_results=summaries(context, key, good))
