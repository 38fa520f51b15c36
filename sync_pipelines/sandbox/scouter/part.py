"""The lead push in the sandbox: TabuladorMax with its screen's secret, and Gestão Scouter behind a fake PostgREST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.part import Database, Observation, Option, Options, Part, Upstream
from sync_pipelines.sandbox.scouter import screen
from sync_pipelines.sandbox.scouter.database import (
    build_gestao_scouter,
    build_tabuladormax,
    point_configuration,
)
from sync_pipelines.sandbox.scouter.serve import DATABASE

_SOURCE = "TABULADORMAX_DATABASE_URL"


def _build_source(connection: psycopg.Connection[Any], options: Options) -> None:
    build_tabuladormax(connection, leads=int(options["leads"]))


def _build_destination(connection: psycopg.Connection[Any], _options: Options) -> None:
    # Without a lead of its own on a number of the source: the first push would end with a question to a person.
    build_gestao_scouter(connection, collision=False)


def _connect(environment: Mapping[str, str]) -> None:
    if address := environment.get("GESTAO_SCOUTER_URL"):
        with psycopg.connect(environment[_SOURCE]) as connection:
            point_configuration(connection, address)


def _schema(metadata: Mapping[str, Any]) -> str:
    return f"{metadata['fields_mapped']} fields are mapped, {metadata['columns_error']} do not fit."


PART = Part(
    name="scouter",
    databases=(
        Database("tabuladormax", setting=_SOURCE, build=_build_source, history=History("tabuladormax")),
        Database("gestao_scouter", setting=DATABASE, build=_build_destination, for_fakes=True),
    ),
    upstreams=(
        Upstream(
            name="scouter",
            module="sync_pipelines.sandbox.scouter.serve",
            variables=("GESTAO_SCOUTER_URL", "GESTAO_SCOUTER_SERVICE_KEY"),
            address="GESTAO_SCOUTER_URL",
        ),
    ),
    options=(Option("leads", 2000, "Leads in TabuladorMax; 250,000 take seconds.", flag="leads"),),
    variables=screen.variables,
    connect=_connect,
    observations=(Observation("scouter/schema", _schema),),
)
