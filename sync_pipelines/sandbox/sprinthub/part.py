"""SprintHub in the sandbox: the CRM, and the project that the leads of its segments are written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.part import Database, Option, Options, Part, Upstream
from sync_pipelines.sandbox.sprinthub.database import build_oficialmed
from sync_pipelines.sandbox.sprinthub.demo import LARGE, LARGE_LEADS, PAUSED, demo_tenant, left_behind

_VARIABLES = ("SPRINTHUB_BASE_URL", "SPRINTHUB_API_TOKEN", "SPRINTHUB_INSTANCE")
#: The names that the application gave them.
_APPLICATIONS = tuple(f"VITE_{name}" for name in _VARIABLES)
#: Below what the fake lets pass; a real tenant lets 100 pass.
_RATE_PER_MINUTE = "30000"


def _build(connection: psycopg.Connection[Any], options: Options) -> None:
    tenant = demo_tenant(int(options["segment_leads"]))
    build_oficialmed(connection, left_behind(tenant), paused=(PAUSED,))


def _variables(_home: Path, given: Mapping[str, str]) -> Mapping[str, str]:
    """A rate for the fake only: a real CRM that `given` names has its own."""
    is_real = any(given.get(name) for name in (*_VARIABLES, *_APPLICATIONS))
    return {} if is_real else {"SPRINTHUB_RATE_PER_MINUTE": _RATE_PER_MINUTE}


def _arguments(options: Options) -> Sequence[str]:
    return ("--segment-leads", str(int(options["segment_leads"])))


PART = Part(
    name="sprinthub",
    databases=(
        Database(
            "oficialmed", setting="OFICIALMED_DATABASE_URL", build=_build, history=History("oficialmed")
        ),
    ),
    upstreams=(
        Upstream(
            name="sprinthub",
            module="sync_pipelines.sandbox.sprinthub.serve",
            variables=_VARIABLES,
            arguments=_arguments,
            depends_on=_APPLICATIONS,
            address="SPRINTHUB_BASE_URL",
        ),
    ),
    options=(
        Option("segment_leads", LARGE_LEADS, f"Leads of segment {LARGE}, the largest.", flag="segment-leads"),
    ),
    variables=_variables,
)
