"""The replay of refused leads in the launchpad."""

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.push.replay import replay


class ReplayConfig(dg.Config):
    """Which refused leads."""

    export_job: str | None = Field(
        default=None, description="The id of an export job; without it the refused leads of all jobs."
    )
    accept: list[str] = Field(
        default_factory=list,
        description="overwrite_local_leads: replace leads that Gestão Scouter made itself under one of our numbers.",
    )


@dg.op(
    name="replay_errors",
    description="Send refused leads again, as they are now; accepted ones leave gestao_scouter_export_errors.",
    pool="gestao_scouter",
)
def scouter_replay_errors_op(
    context: dg.OpExecutionContext, config: ReplayConfig, push: dg.ResourceParam[LeadPush]
) -> None:
    with failing_in_a_sentence(context):
        done = replay(push, context.run.run_id, job_id=config.export_job, accepted=config.accept)
    context.log.info(done.sentence())


@dg.job(name="scouter_replay_errors", description="Send refused leads again, after their cause was mended.")
def scouter_replay_errors() -> None:
    scouter_replay_errors_op()
