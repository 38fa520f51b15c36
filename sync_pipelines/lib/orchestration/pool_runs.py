"""Partitions that a pool works on at the same time in this process, with a history in the instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import dagster as dg

from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.orchestration.key_ranges import contiguous
from sync_pipelines.lib.orchestration.table_partitions import add_missing
from sync_pipelines.lib.partition_pool import PartitionPool

Options = TypeVar("Options")
#: What materializations said, by the last part of their asset's key.
Metadata = dict[str, list[Mapping[str, Any]]]


def materialize_pool(
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    job: str,
    *,
    pool: PartitionPool[Options, Any, Any],
    partitions: dg.DynamicPartitionsDefinition,
    wanted: Sequence[str],
    options: Options,
    config: Mapping[str, object],
) -> tuple[list[str], Metadata]:
    """Start all of `wanted` in the pool, whose outcomes `job` takes; returns what failed, and all metadata."""
    add_missing(instance, partitions, wanted)
    # A range has no gaps, so several runs may be needed; their partitions are at work at the same time all the same.
    order = instance.get_dynamic_partitions(str(partitions.name))
    groups = {
        str(uuid4()): order[order.index(first) : order.index(last) + 1]
        for first, last in contiguous(wanted, order)
    }
    for run_id, keys in groups.items():
        for key in keys:
            pool.start(key, run_id, options)
    problems: list[str] = []
    found: Metadata = {}
    for run_id, keys in groups.items():
        # Until its turn no run in Dagster names these keys, so the sensor of the partitions may have removed one.
        add_missing(instance, partitions, keys)
        ranges = contiguous(keys, instance.get_dynamic_partitions(str(partitions.name)))
        for number, ends in enumerate(ranges):
            done = in_process.materialize(
                definitions,
                job,
                instance,
                config=config,
                partitions=ends,
                run_id=str(uuid4()) if number else run_id,
            )
            problems += done.problems
            for asset, rows in done.metadata.items():
                found.setdefault(asset, []).extend(rows)
    return problems, found
