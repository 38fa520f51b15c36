"""The machine that we run on: whether anything runs by itself, where landed files go, what a day is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sync_pipelines.doctor.network import is_local
from sync_pipelines.lib.findings import Finding

if TYPE_CHECKING:  # slow to import
    from pydantic import SecretStr

    from sync_pipelines.settings import Settings

#: The settings that name the database of an application.
PROJECTS = (
    "fabricio_database_url",
    "hitss_database_url",
    "aimindset_database_url",
    "tabuladormax_database_url",
)

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


def automation(settings: Settings) -> Finding:
    """Do schedules and sensors run? Off they are right only where no database of a real project is configured."""
    if settings.automation_is_on:
        return Finding(True, f"SYNC_ENV: {settings.sync_env}: schedules and sensors start switched on")
    off = f"SYNC_ENV: {settings.sync_env}: all schedules and sensors start switched off"
    away = [name.upper() for name in PROJECTS if (url := getattr(settings, name)) and not _is_here(url)]
    if not away:
        return Finding(True, f"{off}, which is meant where no database of a real project is configured")
    return Finding(
        False,
        f"{off}, and {', '.join(away)} {'is' if len(away) == 1 else 'are'} not on this machine: nothing would run by"
        " itself. Set SYNC_ENV=production, then start the daemon and the webserver again",
    )


def dagster_home(settings: Settings, home: str | None) -> Iterator[Finding]:
    """Is the folder of DAGSTER_HOME there, with the instance's file in it?"""
    if not home:
        wrong = settings.sync_env == "production"
        cure = "the daemon and the webserver need it: set it to a folder that holds dagster.yaml"
        yield Finding(not wrong, f"DAGSTER_HOME is not set: {cure if wrong else 'runs leave no history'}")
        return
    folder = Path(home)
    if not folder.is_absolute():
        yield Finding(False, f"DAGSTER_HOME: {home} is not a whole path: begin it with /")
    elif not folder.is_dir():
        yield Finding(
            False,
            f"DAGSTER_HOME: there is no folder {home}: mkdir -p -m 700 {home} && cp dagster.yaml {home}/",
        )
    elif not (folder / "dagster.yaml").is_file():
        yield Finding(
            False,
            f"DAGSTER_HOME: {home} holds no dagster.yaml, and Dagster would keep its runs in files there: copy it",
        )
    else:
        yield Finding(True, f"DAGSTER_HOME: {home} holds dagster.yaml")


def _is_here(url: SecretStr) -> bool:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict("postgresql://" + url.get_secret_value().split("://", 1)[-1])
    except psycopg.Error:
        return False  # another finding says what is wrong with it
    return is_local(str(parts.get("hostaddr") or parts.get("host") or ""))


def time_zone(name: str) -> Finding:
    """Is the zone of SYNC_TIMEZONE in the database of zones?"""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return Finding(False, f"SYNC_TIMEZONE: {name} is not a time zone: name one such as America/Sao_Paulo")
    return Finding(True, f"SYNC_TIMEZONE: days begin and end by {name}")
