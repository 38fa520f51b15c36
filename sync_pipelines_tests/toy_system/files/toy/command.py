"""What `sync-pipelines` does with the toy system: `run toy`."""

from __future__ import annotations

from sync_pipelines.lib.runs import Run, Runner


def _load() -> Runner:
    from sync_pipelines.toy.defs.load_run import run

    return Runner(run)


RUNS = (Run("toy", needs=("toy_database_url", "ops_database_url"), load=_load),)
