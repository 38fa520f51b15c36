"""The check results of a day: each guard's own sentence in its own check, also if the day failed."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup.answer import Answer
from sync_pipelines.aimindset.backup.failures import ImplausibleError, SideEffectError
from sync_pipelines.aimindset.day import Day
from sync_pipelines.aimindset.defs import descriptions
from sync_pipelines.aimindset.defs.descriptions import ARCHIVE_KEY, BACKUP_KEY
from sync_pipelines.aimindset.exclusion import BusyError
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.backups import Backup

_DESCRIPTIONS: Mapping[dg.AssetKey, Mapping[str, str]] = {
    BACKUP_KEY: {
        descriptions.PROVED: "Counts and digests, before the commit and once more after it.",
        descriptions.UNTOUCHED: "Sources, earlier copies, other tables and what belongs to them are as before.",
        descriptions.PLAUSIBLE: "There are articles, and no table lost more than half since the last proved backup.",
        descriptions.COMPLETE: "Columns that the function does not copy are lost by its restore (a warning).",
    },
    ARCHIVE_KEY: {
        descriptions.READ_BACK: "Every file is as its manifest says.",
        descriptions.KEPT: "The archives that the policy keeps have their manifests, and files with those checksums.",
    },
}
_WARN, _ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def specs() -> list[dg.AssetCheckSpec]:
    """The checks that a day evaluates."""
    return [
        dg.AssetCheckSpec(name, asset=key, description=description)
        for key, checks in _DESCRIPTIONS.items()
        for name, description in checks.items()
    ]


def results(context: dg.AssetExecutionContext, key: dg.AssetKey, day: Day) -> list[dg.AssetCheckResult]:
    """The results of an asset's selected checks, whether it succeeded or not."""
    found = _backup(day) if key == BACKUP_KEY else _archive(day)
    selected = context.selected_asset_check_keys
    return [one for one in found if dg.AssetCheckKey(key, one.check_name or "") in selected]


def log_failed(context: dg.AssetExecutionContext, key: dg.AssetKey, day: Day) -> None:
    """Log the results of an asset that is not materialized: without them the UI says only that its step failed.

    Without a partition, which these checks do not have: the evaluation would not be the one that was planned.
    """
    for one in results(context, key, day):
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=one.check_name or "",
                passed=one.passed,
                severity=one.severity,
                description=one.description,
            )
        )


def _backup(day: Day) -> list[dg.AssetCheckResult]:
    problem = day.problems.get(assets.BACKUP)
    if day.backup is None and problem is not None:
        return _failed_backup(day, problem)
    if existing := day.existing.get(assets.BACKUP):
        return [*_existing_backup(existing), _columns(day)]
    if day.unproved is not None:
        return [*_unproved_backup(day.unproved), _columns(day)]
    assert day.backup is not None
    rows, tables = day.backup.answer.total, day.backup.tables_unchanged
    proved = f"{rows} rows in six tables, compared before and after the commit."
    untouched = f"{tables} tables were looked at before and after the call."
    plausible = "Neither empty nor less than half of the last proved backup, or accepted."
    if day.losses:
        plausible += f" Fewer than before: {'; '.join(day.losses)}."
    return [
        _result(BACKUP_KEY, descriptions.PROVED, True, text=proved),
        _result(BACKUP_KEY, descriptions.UNTOUCHED, True, text=untouched),
        _result(BACKUP_KEY, descriptions.PLAUSIBLE, True, text=plausible),
        _columns(day),
    ]


def _failed_backup(day: Day, problem: SyncError) -> list[dg.AssetCheckResult]:
    match problem:
        case SideEffectError():
            owner = descriptions.UNTOUCHED
        case ImplausibleError():
            owner = descriptions.PLAUSIBLE
        case _:
            owner = descriptions.PROVED
    names = (descriptions.PROVED, descriptions.UNTOUCHED, descriptions.PLAUSIBLE)
    columns = _columns(day) if day.preflight else _open(BACKUP_KEY, descriptions.COMPLETE, owner)
    return [*(_failed(BACKUP_KEY, name, owner, problem=problem) for name in names), columns]


def _unproved_backup(answer: Answer) -> list[dg.AssetCheckResult]:
    unproved = "Called by RPC, where nothing can be compared before the commit: unproved."
    plausible = f"{answer.total} rows by the function's own count."
    return [
        _result(BACKUP_KEY, descriptions.PROVED, False, text=unproved, severity=_WARN),
        _result(BACKUP_KEY, descriptions.UNTOUCHED, False, text=unproved, severity=_WARN),
        _result(BACKUP_KEY, descriptions.PLAUSIBLE, True, text=plausible),
    ]


def _existing_backup(backup: Backup) -> list[dg.AssetCheckResult]:
    """Nothing was called: the backup's rows were read now, the rest was compared when it was made."""
    then = f"{backup.made_at:%Y-%m-%d %H:%M} UTC"
    tables = backup.details.get("looked_at")
    untouched = (
        f"{tables} tables were looked at when {backup.name} was made, at {then}; nothing was called now."
        if tables
        else f"{backup.name} was made at {then} by a version that did not look at other tables."
    )
    now = f"{backup.name} of today is there: its rows were read now, and are as they were proved at {then}."
    return [
        _result(BACKUP_KEY, descriptions.PROVED, True, text=now),
        _result(
            BACKUP_KEY,
            descriptions.UNTOUCHED,
            bool(tables),
            text=untouched,
            severity=_ERROR if tables else _WARN,
        ),
        _result(
            BACKUP_KEY, descriptions.PLAUSIBLE, True, text=f"Held when {backup.name} was made, at {then}."
        ),
    ]


def _columns(day: Day) -> dg.AssetCheckResult:
    lost = "; ".join(f"{table}: {', '.join(columns)}" for table, columns in day.uncovered.items())
    text = f"In no copy of the function, but in the archive: {lost}." if lost else "All columns are copied."
    return _result(BACKUP_KEY, descriptions.COMPLETE, not lost, text=text, severity=_WARN)


def _archive(day: Day) -> list[dg.AssetCheckResult]:
    problem = day.problems.get(assets.ARCHIVE)
    if backup := day.existing.get(assets.ARCHIVE):
        text = f"{backup.name} of today is there: manifest and checksums were compared now."
        return [_result(ARCHIVE_KEY, descriptions.READ_BACK, True, text=text), _kept(day)]
    if day.archive is None:
        assert problem is not None
        return [
            _failed(ARCHIVE_KEY, descriptions.READ_BACK, descriptions.READ_BACK, problem=problem),
            _open(ARCHIVE_KEY, descriptions.KEPT, descriptions.READ_BACK),
        ]
    text = f"{len(day.archive.tables)} files were read back; they are as the manifest says."
    return [_result(ARCHIVE_KEY, descriptions.READ_BACK, True, text=text), _kept(day)]


def _kept(day: Day) -> dg.AssetCheckResult:
    if day.pruning is None:
        problem = day.problems.get(assets.ARCHIVE)
        return _result(
            ARCHIVE_KEY,
            descriptions.KEPT,
            False,
            text=str(problem or "They were not looked at."),
            severity=_ERROR,
        )
    if day.pruning.damaged:
        text = "; ".join(f"{name}: {' '.join(wrong[:3])}" for name, wrong in day.pruning.damaged.items())
        return _result(
            ARCHIVE_KEY, descriptions.KEPT, False, text=f"They fill no place and wait for a person: {text}"
        )
    text = f"{len(day.pruning.plan.keep)} archives stay; manifests and checksums were compared now."
    return _result(ARCHIVE_KEY, descriptions.KEPT, True, text=text)


def _failed(key: dg.AssetKey, name: str, owner: str, problem: SyncError) -> dg.AssetCheckResult:
    """The problem's sentence in the check that it belongs to; other checks refer to that one."""
    if isinstance(problem, BusyError):
        return _result(key, name, False, text=str(problem), severity=_WARN)
    return _result(key, name, False, text=str(problem)) if name == owner else _open(key, name, owner)


def _open(key: dg.AssetKey, name: str, owner: str) -> dg.AssetCheckResult:
    return _result(key, name, False, text=f"Nothing was concluded; see {owner}.", severity=_WARN)


def _result(
    key: dg.AssetKey, name: str, passed: bool, text: str, severity: dg.AssetCheckSeverity = _ERROR
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key, check_name=name, passed=passed, description=text, severity=severity
    )
