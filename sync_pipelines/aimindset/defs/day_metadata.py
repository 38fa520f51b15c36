"""The metadata of a day's assets."""

from typing import Any

import dagster as dg

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.retention import Pruning
from sync_pipelines.aimindset.archive.stored import StoredArchives
from sync_pipelines.aimindset.day import Day
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.records.backups import Backup

#: The metadata key for content with fewer rows than in the last backup.
FEWER = "fewer_rows_than_before"


def backup_metadata(day: Day, seconds: float) -> dict[str, Any]:
    if existing := day.existing.get(assets.BACKUP):
        return _existing_metadata(existing)
    answer = day.backup.answer if day.backup else day.unproved
    assert answer is not None
    return {
        "backup_id": answer.backup_id,
        keys.ROWS_READ: answer.total,
        keys.ROWS_LOADED: answer.total,
        keys.ROW_COUNT: answer.total,
        keys.PROVED: day.backup is not None,
        keys.DURATION: round(seconds, 2),
        **dict(answer.counts),
        "locks_held_seconds": round(day.backup.locked_seconds, 3) if day.backup else 0.0,
        "generations_in_the_database": day.generations,
        "uncovered_columns": dict(day.uncovered),
        FEWER: day.losses,
        "notes": [
            *(day.preflight.notes if day.preflight else ()),
            *([day.backup.note] if day.backup and day.backup.note else []),
        ],
        "proof": dict(day.backup.proof.destination) if day.backup else {},
    }


def archive_metadata(day: Day, archives: StoredArchives) -> dict[str, Any]:
    kept = _kept_metadata(day.pruning) if day.pruning else {}
    if existing := day.existing.get(assets.ARCHIVE):
        return {**_existing_metadata(existing), **kept}
    archive = day.archive
    assert archive is not None
    rows = [f"| {t.name} | {t.rows} | {t.file_bytes} | {t.sha256} |" for t in archive.tables]
    head = ["| table | rows | bytes | SHA-256 of the rows |", "|---|---:|---:|---|"]
    return {
        "archive": archive.id,
        "where": archives.store.describe(archives.folder(archive.id)),
        keys.ROWS_READ: archive.rows,
        keys.ROWS_LOADED: archive.rows,
        keys.ROW_COUNT: archive.rows,
        keys.BYTES: archive.bytes,
        "raw_bytes": archive.raw_bytes,
        "encrypted": archive.encrypted,
        keys.PROVED: True,
        "tables": dg.MetadataValue.md("\n".join([*head, *rows])),
        **kept,
    }


def _kept_metadata(pruning: Pruning) -> dict[str, Any]:
    return {
        "retention": dg.MetadataValue.md("\n".join(f"- {line}" for line in pruning.sentences())),
        "archives_kept": len(pruning.plan.keep),
        "archives_damaged": list(pruning.damaged),
        "archives_dropped": list(pruning.plan.drop),
    }


def _existing_metadata(backup: Backup) -> dict[str, Any]:
    """Today's backup exists and is as it was proved: nothing was called a second time."""
    return {
        keys.ROWS_UNCHANGED: backup.rows,
        keys.ROW_COUNT: backup.rows,
        keys.PROVED: True,
        "already_there": backup.name,
        "proved_at": backup.made_at.isoformat(),
    }
