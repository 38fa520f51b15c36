"""Where landed files go: a folder that can be written and is private, or a bucket that gives back what it takes."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Finding

if TYPE_CHECKING:  # slow to import
    from sync_pipelines.settings import Settings

#: An export is 1.4 MB and is kept as it came; below this the disk is about to stop everything else too.
LEAST_FREE_BYTES = 1 << 30
PROBE = "A file of `sync-pipelines doctor`, which removes it again.\n"


def bucket(settings: Settings) -> Iterator[Finding]:
    """Where landed files go to a bucket: can one be written, listed, read and removed?"""
    if not settings.landing_url.startswith("s3://"):
        return
    store, name = settings.landing_store, f"doctor/{secrets.token_hex(8)}.txt"
    try:
        with store.incoming("doctor", ".txt") as path:
            path.write_text(PROBE)
            store.put(path, name)
        listed = name in {file.name for file in store.names("doctor")}
        with store.fetch(name) as copy:
            same = copy.read_text() == PROBE
        store.remove(name)
    except SyncError as error:
        yield Finding(False, f"LANDING_URL: {error}")
        return
    if listed and same:
        yield Finding(True, f"LANDING_URL: {settings.landing_url} takes files and gives them back")
    else:
        wrong = "a file came back altered" if listed else "a file that was written is not listed"
        yield Finding(False, f"LANDING_URL: {settings.landing_url}: {wrong}; use another storage")


def folder(root: Path, *, least_free: int = LEAST_FREE_BYTES) -> Iterator[Finding]:
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
