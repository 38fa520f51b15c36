"""The toy project in the sandbox: its database, in which another program left a run open, and the meter's API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.part import Database, Option, Options, Part, Upstream


def build(connection: psycopg.Connection[Any], _options: Options) -> None:
    """The application's own tables and rows."""
    connection.execute(Path(__file__).with_name("application.sql").read_bytes())


def variables(_home: Path, _given: Mapping[str, str]) -> Mapping[str, str]:
    """What the system needs beside the addresses of its database and of the meter."""
    return {"TOY_SHARED_SECRET": "a-secret-of-the-sandbox"}


def arguments(options: Options) -> Sequence[str]:
    return ("--delay", str(options["meter_delay"]))


PART = Part(
    name="toy",
    # The name of the database, of its variable and of its history belong together.
    databases=(Database("toy", setting="TOY_DATABASE_URL", build=build, history=History("toy")),),
    upstreams=(
        Upstream(
            name="meter",
            module="sync_pipelines.sandbox.toy.serve",
            variables=("TOY_METER_URL", "TOY_METER_KEY"),
            arguments=arguments,
            address="TOY_METER_URL",
        ),
    ),
    options=(Option("meter_delay", 0.0, "Seconds before the meter answers.", flag="meter-delay"),),
    variables=variables,
)
