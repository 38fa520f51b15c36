"""The machine that we run on: whether anything runs by itself, where Dagster keeps its runs, what a day is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sync_pipelines.lib.findings import Finding
from sync_pipelines.lib.network import is_local
from sync_pipelines.settings.databases import databases_of

if TYPE_CHECKING:  # slow to import
    from sync_pipelines.settings import Settings


def automation(settings: Settings) -> Finding:
    """Do schedules and sensors run? Off they are right only where no database of a real project is configured."""
    if settings.automation_is_on:
        return Finding(True, f"SYNC_ENV: {settings.sync_env}: schedules and sensors start switched on")
    off = f"SYNC_ENV: {settings.sync_env}: all schedules and sensors start switched off"
    projects = (one for one in databases_of(type(settings)) if one.database.is_a_projects)
    away = [one.variable for one in projects if (url := one.url(settings)) and not _is_here(url)]
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


def _is_here(url: str) -> bool:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict("postgresql://" + url.split("://", 1)[-1])
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
