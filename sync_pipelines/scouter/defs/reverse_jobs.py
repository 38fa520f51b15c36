"""The replay of rejected changes in the launchpad."""

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.reverse.pipeline import ReverseSync


class ReplayInboxConfig(dg.Config):
    """Which rejected changes: some by their rows, or every one."""

    ids: list[int] = Field(default=[], description="Rows of ops.inbox (the column id) that were rejected.")
    every: bool = Field(default=False, description="True for every rejected row; `ids` stays empty then.")


@dg.op(
    name="replay_inbox",
    description="Let rejected changes wait in the inbox again; its sensor drains them soon afterwards.",
)
def replay_inbox(
    context: dg.OpExecutionContext, config: ReplayInboxConfig, way_back: dg.ResourceParam[ReverseSync]
) -> None:
    with failing_in_a_sentence(context):
        if bool(config.ids) == config.every:
            raise PermanentError("Say which rows of ops.inbox are to be replayed: ids, or every: true.")
        done = way_back.replay(None if config.every else config.ids)
        if not done:
            raise PermanentError(
                "None of these rows of ops.inbox is there and rejected: nothing was replayed."
            )
    context.add_output_metadata({"replayed": done})
    if config.ids and done < len(set(config.ids)):
        context.log.warning(f"{len(set(config.ids)) - done} of the rows are not there, or were not rejected.")
    context.log.info(f"{done} changes wait in the inbox again.")


@dg.job(
    name="scouter_replay_inbox",
    description="Take rejected changes of Gestão Scouter again, after their cause was mended.",
)
def scouter_replay_inbox() -> None:
    replay_inbox()
