"""The toy project in the sandbox: a database with three readings, one of which is dirt."""

from __future__ import annotations

from typing import Any

import psycopg

from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.part import Database, Options, Part


def build(connection: psycopg.Connection[Any], _options: Options) -> None:
    connection.execute(
        "create table public.raw_readings (id bigint primary key, measured_at timestamptz not null, celsius text)"
    )
    connection.execute(
        "insert into public.raw_readings values (1, '2026-11-01 08:00+00', '21.5'),"
        " (2, '2026-11-01 09:00+00', 'quente'), (3, '2026-11-02 08:00+00', '-3')"
    )


PART = Part(
    name="toy",
    databases=(Database("toy", "TOY_DATABASE_URL", build=build, history=History("toy")),),
)
