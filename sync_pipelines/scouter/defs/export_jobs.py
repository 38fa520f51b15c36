"""Jobs on exports for the launchpad: the actions of the old screen, the repair, and the clean-up of error rows."""

from collections.abc import Callable
from datetime import date

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.defs.decision_config import DecisionConfig
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.pipeline import LeadPush


class CreateConfig(DecisionConfig):
    """The days and options of a new export."""

    start_date: str = Field(description="The most recent day, such as 2025-10-21.")
    end_date: str | None = Field(
        default=None, description="The oldest day; without it the export goes back to the first lead."
    )
    send_all: bool = Field(default=False, description="Send leads that have not changed, too.")
    field_mappings: dict[str, str] | None = Field(
        default=None,
        description="{column of Gestão Scouter: column of TabuladorMax}; without it the default.",
    )


class JobConfig(dg.Config):
    """Which export."""

    export_job: str = Field(description="The id of a row of gestao_scouter_export_jobs.")


@dg.op(description="Make a pending export; a sensor begins it within half a minute.")
def create_export(
    context: dg.OpExecutionContext, config: CreateConfig, push: dg.ResourceParam[LeadPush]
) -> None:
    with failing_in_a_sentence(context), push.source() as connection:
        start = _day("start_date", config.start_date)
        end = _day("end_date", config.end_date) if config.end_date else None
        options = PushOptions.of(send_all=config.send_all, accept=config.accept)
        job = ExportActions(connection).create(
            start, end, field_mappings=config.field_mappings, options=options.document()
        )
    context.log.info(f"Export {job.id} is pending.")
    context.add_output_metadata({"export_job": job.id})


@dg.op(
    description="Make a pending export of everything, which sends exactly what differs at the destination."
)
def repair_export(context: dg.OpExecutionContext, push: dg.ResourceParam[LeadPush]) -> None:
    with failing_in_a_sentence(context), push.source() as connection:
        actions = ExportActions(connection)
        last = actions.newest_completed()
        job = actions.create(
            push.today(),
            None,
            # The mapping that the comparison uses: by another one every lead would differ.
            field_mappings=last.field_mappings if last else None,
            fields_selected=last.fields_selected if last else None,
            options=PushOptions(compare=True).document(),
        )
    context.log.info(f"Export {job.id} is pending: it reads every lead there, and sends those that differ.")
    context.add_output_metadata({"export_job": job.id})


@dg.job(
    name="scouter_repair",
    description="Send exactly those leads that Gestão Scouter does not hold as they are here, of all days.",
)
def repair_job() -> None:
    repair_export()


@dg.op(description="Delete error rows after their time: they hold snapshots of leads.")
def forget_errors(context: dg.OpExecutionContext, push: dg.ResourceParam[LeadPush]) -> None:
    days = push.error_retention_days
    with failing_in_a_sentence(context), push.source() as connection:
        gone = ExportWork(connection).forget_errors(days)
    context.log.info(f"{gone} error rows were older than {days} days.")


@dg.job(name="scouter_forget_errors", description="The requirement's clean-up, 90 days by default.")
def forget_errors_job() -> None:
    forget_errors()


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PermanentError(f"{name} must be a day such as 2025-10-21.") from None


def _action(name: str, description: str, act: Callable[[ExportActions, str], object]) -> dg.OpDefinition:
    @dg.op(name=f"{name}_export", description=description)
    def op(context: dg.OpExecutionContext, config: JobConfig, push: dg.ResourceParam[LeadPush]) -> None:
        with failing_in_a_sentence(context), push.source() as connection:
            act(ExportActions(connection), config.export_job)
        context.log.info(f"Export {config.export_job}: {name} is done.")

    return op


_OPS = {
    "create": create_export,
    "pause": _action(
        "pause",
        "Pause an export; its worker stops between two batches.",
        lambda jobs, one: jobs.pause(one, "Pausada no Dagster."),
    ),
    "resume": _action(
        "resume", "Let a paused export continue from its checkpoint.", lambda jobs, one: jobs.resume(one)
    ),
    "reset": _action(
        "reset",
        "Start an export again: counters, checkpoint and error rows are cleared.",
        lambda jobs, one: jobs.reset(one),
    ),
    "delete": _action(
        "delete", "Delete a paused export with its error rows.", lambda jobs, one: jobs.delete(one)
    ),
}


def export_jobs() -> list[dg.JobDefinition]:
    """One job per action, and the repair."""
    return [*(_job(name, op) for name, op in _OPS.items()), repair_job]


def _job(name: str, op: dg.OpDefinition) -> dg.JobDefinition:
    @dg.job(name=f"scouter_{name}_export", description=op.description)
    def job() -> None:
        op()

    return job
