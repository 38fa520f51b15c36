"""HITSS in the sandbox: its export server, the project that loads the export, and the one that mirrors it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.part import Database, Option, Options, Part, Upstream


def _build(connection: psycopg.Connection[Any], _options: Options) -> None:
    connection.execute(Path(__file__).with_name("fabricio.sql").read_bytes())


def _arguments(options: Options) -> Sequence[str]:
    return ("--scale", str(options["scale"]), "--wait-seconds", str(options["wait_seconds"]))


PART = Part(
    name="hitss",
    databases=tuple(
        Database(name, setting=f"{name.upper()}_DATABASE_URL", build=_build, history=History(name))
        for name in ("fabricio", "hitss")
    ),
    upstreams=(
        Upstream(
            name="hitss",
            module="sync_pipelines.sandbox.hitss.serve",
            variables=("HITSS_DOWNLOAD_URL",),
            arguments=_arguments,
            address="HITSS_BASE_URL",
        ),
    ),
    options=(
        Option("scale", 1.0, "Size of the export; 1 is about 22,300 rows.", flag="scale"),
        Option("wait_seconds", 2.0, "Seconds before the fake HITSS answers; really 160.", flag="wait"),
    ),
)
