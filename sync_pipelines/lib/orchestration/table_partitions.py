"""Dynamic partitions kept equal to the rows of a table, to which people add while we run.

A key is removed only while no unfinished run targets it: Dagster lets such a run do its work and then cannot record it
("not a valid range"), so that what was done looks as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import dagster as dg

from sync_pipelines.lib.orchestration.schedules import sensor_status
from sync_pipelines.lib.orchestration.unfinished_runs import UNFINISHED

PARTITION = "dagster/partition"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
#: Between the dimensions of a key of two.
_DIMENSIONS = "|"


class Targets(NamedTuple):
    """What the unfinished runs work on. `is_unknown`: one of them does not say, so it may be any key."""

    keys: frozenset[str] = frozenset()
    is_unknown: bool = False

    def has(self, key: str) -> bool:
        return self.is_unknown or key in self.keys


class Difference(NamedTuple):
    """What makes the partitions equal to the table; `held` are those that an unfinished run keeps."""

    missing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    def sentence(self) -> str:
        parts = [
            f"{len(keys)} {words}: {', '.join(keys[:5])}{' …' if len(keys) > 5 else ''}."
            for keys, words in (
                (self.missing, "added"),
                (self.gone, "removed"),
                (self.held, "gone from the table, but a run is at work on them"),
            )
            if keys
        ]
        return " ".join(parts) or "The partitions are equal to the table."


def unfinished_targets(
    instance: dg.DagsterInstance,
    known: Sequence[str],
    *,
    jobs: Collection[str],
    assets: Collection[dg.AssetKey],
) -> Targets:
    """The keys of `known` (in Dagster's order) that queued and running runs target.

    Looked at are runs of `jobs`, and those that a person started with one of `assets` selected. Of a key of two
    dimensions the part counts that is in `known`.
    """
    keys: set[str] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED))):
        if run.job_name not in jobs and not set(assets) & set(run.asset_selection or ()):
            continue
        found = _target(run.tags, known)
        if found is None:
            return Targets(is_unknown=True)
        keys |= found
    return Targets(frozenset(keys))


def _target(tags: Any, known: Sequence[str]) -> set[str] | None:
    """The keys that a run's tags name; None if they do not tell."""
    if PARTITION in tags:
        return set(tags[PARTITION].split(_DIMENSIONS)) & set(known)
    if RANGE_START not in tags or RANGE_END not in tags:
        return None
    ends = [
        [known.index(part) for part in tags[end].split(_DIMENSIONS) if part in known]
        for end in (RANGE_START, RANGE_END)
    ]
    if any(len(found) != 1 for found in ends):
        return None
    (first,), (last,) = ends
    return set(known[first : last + 1])


def difference(
    instance: dg.DagsterInstance,
    definition: dg.DynamicPartitionsDefinition,
    wanted: Iterable[str],
    *,
    jobs: Collection[str],
    assets: Collection[dg.AssetKey],
) -> Difference:
    """How the partitions differ from `wanted`, the keys of the table in its order."""
    known, rows = instance.get_dynamic_partitions(_name(definition)), list(dict.fromkeys(wanted))
    missing = tuple(key for key in rows if key not in set(known))
    surplus = [key for key in known if key not in set(rows)]
    if not surplus:
        return Difference(missing)
    targets = unfinished_targets(instance, known, jobs=jobs, assets=assets)
    return Difference(
        missing=missing,
        gone=tuple(key for key in surplus if not targets.has(key)),
        held=tuple(key for key in surplus if targets.has(key)),
    )


def add_missing(
    instance: dg.DagsterInstance, definition: dg.DynamicPartitionsDefinition, keys: Iterable[str]
) -> tuple[str, ...]:
    """Add the keys that are no partitions yet, and return them: for a schedule's tick and for the command line."""
    known = set(instance.get_dynamic_partitions(_name(definition)))
    missing = tuple(key for key in dict.fromkeys(keys) if key not in known)
    if missing:
        instance.add_dynamic_partitions(_name(definition), list(missing))
    return missing


def table_partitions_sensor(
    name: str,
    definition: dg.DynamicPartitionsDefinition,
    read: Callable[[], Iterable[str]],
    *,
    jobs: Collection[str],
    assets: Collection[dg.AssetKey],
    on: bool,
    description: str,
    seconds: int = 30,
) -> dg.SensorDefinition:
    """A sensor that adds and removes partitions.

    `read` returns the keys of the table in its order and raises if they cannot be read: the tick fails then and
    changes nothing, for a failed read is no empty table.
    """

    @dg.sensor(
        name=name,
        minimum_interval_seconds=seconds,
        default_status=sensor_status(on),
        description=description,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        found = difference(context.instance, definition, read(), jobs=jobs, assets=assets)
        requests: list[Any] = []
        if found.missing:
            requests.append(definition.build_add_request(list(found.missing)))
        if found.gone:
            requests.append(definition.build_delete_request(list(found.gone)))
        if not requests:
            return dg.SkipReason(found.sentence())
        return dg.SensorResult(skip_reason=found.sentence(), dynamic_partitions_requests=requests)

    return sensor


def _name(definition: dg.DynamicPartitionsDefinition) -> str:
    assert definition.name is not None, "partitions of a function have no table"
    return definition.name
