"""The control table and the schedule as a JSON file: for another installation, or after a loss.

An import adds and updates, and deletes nothing. Cron and time zone are settings: a file that says something else is
imported all the same, and what to set is said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.control import ACTIVE, ERROR, PAUSED, Control, ControlRow
from sync_pipelines.sprinthub.segments.segment_id import is_segment_id

FORMAT = "sync_pipelines/sprinthub/segments"
VERSION = 1
LARGEST_BYTES = 64 << 20
_STATUSES = (ACTIVE, PAUSED, ERROR)
_MOMENTS = ("last_execution", "next_execution")
_BUSY = "Another command changes the control table of segments at this moment; try again."


@dataclass(frozen=True)
class SegmentConfig:
    """What a file holds."""

    cron: str
    timezone: str
    segments: tuple[ControlRow, ...]

    @classmethod
    def of(cls, rows: Sequence[ControlRow], cadence: Cadence) -> SegmentConfig:
        """The rows that an import would take: not those with a number or a status that nothing here knows."""
        usable = {row.segment_id: row for row in rows if _is_usable(row.segment_id, row.status)}
        return cls(cadence.cron, cadence.zone.key, tuple(usable.values()))

    def differences(self, cadence: Cadence) -> list[str]:
        """What the settings would have to be for the schedule of the file."""
        pairs = (
            ("SPRINTHUB_CRON", self.cron, cadence.cron),
            ("SPRINTHUB_TIMEZONE", self.timezone, cadence.zone.key),
        )
        return [
            f"{name} is {ours!r} and the file says {theirs!r}; schedules are settings, so set it there."
            for name, theirs, ours in pairs
            if theirs != ours
        ]


def _is_usable(number: object, status: object) -> bool:
    return is_segment_id(number) and status in _STATUSES


def write(path: Path, config: SegmentConfig, now: datetime) -> None:
    """Write the file as a whole or not at all. Raises PermanentError where that is not possible."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": now.isoformat(),
        "schedule": {"cron": config.cron, "timezone": config.timezone},
        "segments": [
            {"segment_id": row.segment_id, "status": row.status}
            | {name: value.isoformat() if (value := getattr(row, name)) else None for name in _MOMENTS}
            for row in config.segments
        ],
    }
    half = path.with_name(f".{path.name}.half")
    try:
        half.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise PermanentError(f"{path} cannot be written: {error.strerror}.") from None


def read(path: Path) -> SegmentConfig:
    """The file, checked as a whole. Raises PermanentError that says what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise PermanentError(f"{path} is too large to be a file of segments.")
        document = json.loads(path.read_text())
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise PermanentError(f"{path} is no JSON file, so it is none that export-config wrote.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise PermanentError(f"{path} is none that export-config wrote: its format is not {FORMAT}.")
    if document.get("version") != VERSION:
        raise PermanentError(
            f"{path} has a version that is not known here; this one reads version {VERSION}."
        )
    schedule, segments = document.get("schedule"), document.get("segments")
    cron, zone = (schedule.get(name) if isinstance(schedule, dict) else None for name in ("cron", "timezone"))
    if not isinstance(cron, str) or not isinstance(zone, str) or not isinstance(segments, list):
        raise PermanentError(f"{path} lacks its schedule or its list of segments.")
    rows = [_row(path, number, item) for number, item in enumerate(segments, 1)]
    seen: set[int] = set()
    for row in rows:
        if row.segment_id in seen:
            raise PermanentError(f"{path} has segment {row.segment_id} twice.")
        seen.add(row.segment_id)
    return SegmentConfig(cron, zone, tuple(rows))


def _row(path: Path, number: int, item: Any) -> ControlRow:
    where = f"{path}, entry {number} of segments"
    if not isinstance(item, dict) or not is_segment_id(item.get("segment_id")):
        raise PermanentError(f"{where}: segment_id is no number of a segment.")
    if item.get("status") not in _STATUSES:
        raise PermanentError(f"{where}: status is none of {', '.join(_STATUSES)}.")
    return ControlRow(
        segment_id=item["segment_id"],
        status=item["status"],
        last_execution=_moment(item.get("last_execution"), f"{where}: last_execution"),
        next_execution=_moment(item.get("next_execution"), f"{where}: next_execution"),
    )


def _moment(value: Any, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise PermanentError(f"{where} is no moment with its offset, such as 2026-03-11T06:00:00+00:00.")
    return moment


def apply(connection: postgres.Connection, config: SegmentConfig, *, plan: bool = False) -> list[str]:
    """Add and update the segments of a file in one transaction; returns a sentence for each that differs.

    With `plan` nothing is written. The newer `last_execution` of both stays: a success is not taken back.
    """
    with connection.transaction():
        postgres.lock_partition(connection, "sprinthub", "control", busy=_BUSY)
        known = {row.segment_id: row for row in Control(connection).all()}
        sentences = []
        for row in config.segments:
            before = known.get(row.segment_id)
            wanted = row if before is None else _merged(before, row)
            if before is None:
                sentences.append(f"Segment {row.segment_id}: added, {row.status}.")
            elif changes := _changes(before, wanted):
                sentences.append(f"Segment {row.segment_id}: {', '.join(changes)}.")
            else:
                continue
            if not plan:
                _write(connection, wanted, is_new=before is None)
    return sentences


def _merged(before: ControlRow, row: ControlRow) -> ControlRow:
    moments = [moment for moment in (before.last_execution, row.last_execution) if moment is not None]
    return ControlRow(
        segment_id=row.segment_id,
        status=row.status,
        last_execution=max(moments, default=None),
        next_execution=row.next_execution,
    )


def _changes(before: ControlRow, after: ControlRow) -> list[str]:
    return [
        f"{name} {getattr(before, name)} becomes {getattr(after, name)}"
        for name in ("status", *_MOMENTS)
        if getattr(before, name) != getattr(after, name)
    ]


def _write(connection: postgres.Connection, row: ControlRow, *, is_new: bool) -> None:
    values = {
        "segment": row.segment_id,
        "status": row.status,
        "last": row.last_execution,
        "next": row.next_execution,
    }
    if is_new:
        connection.execute(
            "insert into public.sync_segments_control (segment_id, status, last_execution, next_execution)"
            " values (%(segment)s, %(status)s, %(last)s, %(next)s)",
            values,
        )
    else:
        connection.execute(
            "update public.sync_segments_control set status = %(status)s, last_execution = %(last)s,"
            " next_execution = %(next)s, updated_at = now() where segment_id = %(segment)s",
            values,
        )
