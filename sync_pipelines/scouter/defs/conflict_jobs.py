"""A person's choice between the two values of a conflict, in the launchpad."""

from typing import Literal

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.reverse.pipeline import ReverseSync


class ChooseConflictsConfig(dg.Config):
    """Which conflicts, and which of their two values."""

    conflicts: list[int] = Field(
        description="Numbers of the table open_conflicts in scouter/leads_inbound, or of sync_private.lead_conflicts."
    )
    take: Literal["kept", "other"] = Field(
        default="kept",
        description="other: write the value that was not kept to TabuladorMax; the next push brings it to Gestão"
        " Scouter. kept: leave both sides as they are, and close the conflict.",
    )


@dg.op(
    name="choose_conflicts",
    description="Close conflicts, with the value that was kept or with the other one; all of them or none.",
    pool="scouter_inbound",
)
def choose_conflicts(
    context: dg.OpExecutionContext, config: ChooseConflictsConfig, reverse_sync: dg.ResourceParam[ReverseSync]
) -> None:
    with failing_in_a_sentence(context):
        if not config.conflicts:
            raise PermanentError("Say which conflicts: their numbers are in sync_private.lead_conflicts.")
        written = reverse_sync.choose(config.conflicts, config.take)
    context.add_output_metadata({"closed": len(set(config.conflicts)), "leads_written": written})
    context.log.info(f"{len(set(config.conflicts))} conflicts are closed; {written} leads were written.")


@dg.job(
    name="scouter_choose_conflicts",
    description="Decide about fields that both sides had changed: keep what was kept, or take the other value.",
)
def scouter_choose_conflicts() -> None:
    choose_conflicts()
