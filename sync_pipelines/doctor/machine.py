"""The machine that we run on: where landed files go, and the time zone that decides what a day is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sync_pipelines.lib.findings import Finding

#: An export is 1.4 MB and is kept as it came; below this the disk is about to stop everything else too.
LEAST_FREE_BYTES = 1 << 30


def landing(root: Path, *, least_free: int = LEAST_FREE_BYTES) -> Iterator[Finding]:
    """Can the landing folder be written, is it private, is there room?"""
    existing = root.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        yield Finding(False, f"LANDING_URL: {existing} is not a folder: name another one")
        return
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            False,
            f"LANDING_URL: {existing} cannot be written by this user: change its owner, or name another",
        )
    elif existing != root.absolute():
        yield Finding(True, f"LANDING_URL: {root} will be made at the first download")
    elif mode := existing.stat().st_mode & 0o077:
        yield Finding(
            False,
            f"LANDING_URL: {root} is open to other users (mode {mode | 0o700:o}) and holds personal data:"
            f" chmod 700 {root}",
        )
    else:
        yield Finding(True, f"LANDING_URL: {root} is writable and private")
    free = shutil.disk_usage(existing).free
    room = f"{free / (1 << 30):.1f} GiB are free for {root}"
    yield Finding(
        free >= least_free, room if free >= least_free else f"{room}: make room, or name another disk"
    )


def time_zone(name: str) -> Finding:
    """Is the zone of SYNC_TIMEZONE in the database of zones?"""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return Finding(False, f"SYNC_TIMEZONE: {name} is not a time zone: name one such as America/Sao_Paulo")
    return Finding(True, f"SYNC_TIMEZONE: days begin and end by {name}")
