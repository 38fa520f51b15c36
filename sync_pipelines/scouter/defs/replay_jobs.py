"""Replays in the launchpad: rejected leads of the push, and rejected changes of the reverse sync."""

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.defs.decision_config import DecisionConfig
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.push.replay import replay
from sync_pipelines.scouter.reverse.pipeline import ReverseSync


class ReplayErrorsConfig(DecisionConfig):
    """Which rejected leads."""

    export_job: str | None = Field(
        default=None, description="The id of an export job; without it the rejected leads of all jobs."
    )


@dg.op(
    name="replay_errors",
    description="Send rejected leads again, as they are now; accepted ones leave gestao_scouter_export_errors.",
    pool="gestao_scouter",
)
def scouter_replay_errors_op(
    context: dg.OpExecutionContext, config: ReplayErrorsConfig, push: dg.ResourceParam[LeadPush]
) -> None:
    with failing_in_a_sentence(context):
        done = replay(push, context.run.run_id, job_id=config.export_job, accepted=config.accept)
    context.log.info(done.sentence())


@dg.job(name="scouter_replay_errors", description="Send rejected leads again, after their cause was mended.")
def scouter_replay_errors() -> None:
    scouter_replay_errors_op()


class ReplayInboxConfig(dg.Config):
    """Which rejected changes: some by their rows, or every one."""

    ids: list[int] = Field(default=[], description="Rows of ops.inbox (the column id) that were rejected.")
    every: bool = Field(default=False, description="True for every rejected row; `ids` stays empty then.")


@dg.op(
    name="replay_inbox",
    description="Let rejected changes wait in the inbox again; its sensor drains them soon afterwards.",
)
def replay_inbox(
    context: dg.OpExecutionContext, config: ReplayInboxConfig, reverse_sync: dg.ResourceParam[ReverseSync]
) -> None:
    with failing_in_a_sentence(context):
        if bool(config.ids) == config.every:
            raise PermanentError("Say which rows of ops.inbox are to be replayed: ids, or every: true.")
        done = reverse_sync.replay(None if config.every else config.ids)
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
