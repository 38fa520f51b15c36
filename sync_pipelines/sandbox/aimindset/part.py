"""AIMindset in the sandbox: its database with a month of backups, and the endpoints of its project."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from sync_pipelines.sandbox.aimindset import database
from sync_pipelines.sandbox.part import Database, Options, Part, Upstream

_DATABASE = "AIMINDSET_DATABASE_URL"


def _build(connection: psycopg.Connection[Any], _options: Options) -> None:
    database.build(connection)


def _variables(_home: Path, _given: Mapping[str, str]) -> Mapping[str, str]:
    return {"BACKUPS_FIRST_DAY": (date.today() - timedelta(days=30)).isoformat()}


PART = Part(
    name="aimindset",
    # Without a history: its owners let us widen a CHECK only where AIMINDSET_WIDEN_BACKUP_LOGS says so.
    databases=(Database("aimindset", setting=_DATABASE, build=_build),),
    upstreams=(
        Upstream(
            name="aimindset",
            module="sync_pipelines.sandbox.aimindset.serve",
            variables=("AIMINDSET_PROJECT_URL", "AIMINDSET_SERVICE_KEY"),
            depends_on=(_DATABASE,),
            address="AIMINDSET_PROJECT_URL",
        ),
    ),
    variables=_variables,
)
