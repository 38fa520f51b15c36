"""What the partitions of a run report, and their checks as Dagster's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class CheckReport:
    """The verdict of one check on one partition."""

    name: str
    passed: bool
    description: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


@dataclass(frozen=True)
class PartitionReport:
    """What one asset's partition reports.

    `elsewhere` are verdicts on assets that the run does not materialize: what it did to this one made them untrue.
    """

    metadata: dict[str, Any]
    checks: Sequence[CheckReport] = field(default_factory=tuple)
    elsewhere: Mapping[dg.AssetKey, CheckReport] = field(default_factory=dict)


Reports = Mapping[dg.AssetKey, PartitionReport]


def log_checks(
    context: dg.AssetExecutionContext, key: dg.AssetKey, partition: str, checks: Sequence[CheckReport]
) -> None:
    selected = context.selected_asset_check_keys
    for check in checks:
        if dg.AssetCheckKey(key, check.name) in selected:
            log_check(context, key, partition, check=check)


def log_check(
    context: dg.AssetExecutionContext, key: dg.AssetKey, partition: str | None, check: CheckReport
) -> None:
    context.log_event(
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=check.name,
            passed=check.passed,
            description=check.description,
            severity=check.severity,
            partition=partition,
        )
    )


def _worst(checks: Iterable[CheckReport]) -> dg.AssetCheckSeverity:
    """An error if one of them is."""
    is_error = any(check.severity is dg.AssetCheckSeverity.ERROR for check in checks)
    return dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN


def summaries(
    context: dg.AssetExecutionContext, key: dg.AssetKey, good: Mapping[str, Reports]
) -> list[dg.AssetCheckResult]:
    """One result a declared check, which Dagster requires: it passes when it did for every partition with a report."""
    verdicts: dict[str, list[tuple[str, CheckReport]]] = {}
    for partition, reports in good.items():
        for check in reports[key].checks if key in reports else ():
            if dg.AssetCheckKey(key, check.name) in context.selected_asset_check_keys:
                verdicts.setdefault(check.name, []).append((partition, check))
    results = []
    for name, found in verdicts.items():
        failed = [(partition, check) for partition, check in found if not check.passed]
        shown = found if len(found) == 1 else failed
        sentences = "; ".join(f"{partition}: {check.description}" for partition, check in shown[:5])
        more = f" (and {len(shown) - 5} more)" if len(shown) > 5 else ""
        results.append(
            dg.AssetCheckResult(
                asset_key=key,
                check_name=name,
                passed=not failed,
                severity=_worst(check for _, check in failed or found),
                description=sentences + more if shown else f"Passed for all {len(found)} partitions.",
                metadata={"partitions": len(found), "partitions_failed": len(failed)},
            )
        )
    return results
