"""The Dagster entry point: the systems that live here, and what watches over all of them.

A system whose database URL is not set is absent; `sync-pipelines doctor` says so.
"""

from __future__ import annotations

import dagster as dg

from sync_pipelines import systems
from sync_pipelines.lib import redaction
from sync_pipelines.operations.defs import definitions as operations
from sync_pipelines.settings import Settings
from sync_pipelines.systems import settings


def build(values: Settings) -> dg.Definitions:
    """The definitions under the given settings."""
    redaction.install_logging()
    present = list(systems.configured(values))
    return dg.Definitions.merge(
        operations.definitions(values, present), *(system.definitions(values) for system in present)
    )


defs = build(settings())
