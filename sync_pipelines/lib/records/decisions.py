"""The decisions of people, per asset and partition, so that the next run need not ask again."""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipelines.lib.records.connection import OpsDatabase


@dataclass(frozen=True)
class Decisions:
    """`ops.decisions`: rows are only added, and the newest of a partition counts."""

    database: OpsDatabase

    def record(self, asset: str, partition_key: str, decision: str, *, run_id: str) -> None:
        self.database.change(
            "insert into ops.decisions (asset, partition_key, decision, run_id) values (%s, %s, %s, %s)",
            (asset, partition_key, decision, run_id),
        )

    def of(self, asset: str) -> dict[str, str]:
        """The newest decision of each partition of an asset that has one."""
        return dict(
            self.database.all(
                "select distinct on (partition_key) partition_key, decision from ops.decisions where asset = %s"
                " order by partition_key, id desc",
                (asset,),
            )
        )
