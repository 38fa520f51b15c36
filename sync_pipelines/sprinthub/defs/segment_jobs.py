"""Jobs on segments for the launchpad: what people did by SQL in the control table, and on the command line."""

from collections.abc import Callable
from datetime import datetime

import dagster as dg
from pydantic import Field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.sprinthub.defs.due_segments import DueSegments
from sync_pipelines.sprinthub.segments.actions import SegmentActions
from sync_pipelines.sprinthub.segments.tables import OFICIALMED


class SegmentActionConfig(dg.Config):
    """Which segment."""

    segment_id: int = Field(description="The number of the segment in the CRM.")


class AddSegmentConfig(SegmentActionConfig):
    """Which segment, and when it runs first."""

    at_once: bool = Field(default=False, description="Make it due now, and not at the next tick of the cron.")


def segment_jobs(due: DueSegments) -> list[dg.JobDefinition]:
    """One job per action. Each is harmless when it is repeated."""
    return [
        _job("sprinthub_add_segment", _add(due)),
        _job(
            "sprinthub_pause_segment",
            _action(
                due,
                "pause",
                "No automatic run takes the segment until it is reactivated.",
                act=lambda actions, segment, _now: actions.pause(segment),
            ),
        ),
        _job(
            "sprinthub_reactivate_segment",
            _action(
                due,
                "reactivate",
                "Make a paused segment, or one that waits for a person, active again.",
                act=lambda actions, segment, now: actions.reactivate(segment, now=now),
            ),
        ),
        _job(
            "sprinthub_run_segment_now",
            _action(
                due,
                "run_now",
                "Make a segment due at once; the sensor sprinthub_due starts it within half a minute.",
                act=lambda actions, segment, now: actions.run_now(segment, now=now),
            ),
        ),
    ]


def _add(due: DueSegments) -> dg.OpDefinition:
    @dg.op(name="add_segment", description="Add a segment of the CRM to sync_segments_control.")
    def op(context: dg.OpExecutionContext, config: AddSegmentConfig) -> None:
        _act(
            context,
            due,
            lambda actions, now: actions.add(config.segment_id, now=now, at_once=config.at_once),
        )

    return op


def _action(
    due: DueSegments, name: str, description: str, *, act: Callable[[SegmentActions, int, datetime], str]
) -> dg.OpDefinition:
    @dg.op(name=f"{name}_segment", description=description)
    def op(context: dg.OpExecutionContext, config: SegmentActionConfig) -> None:
        _act(context, due, lambda actions, now: act(actions, config.segment_id, now))

    return op


def _act(
    context: dg.OpExecutionContext, due: DueSegments, act: Callable[[SegmentActions, datetime], str]
) -> None:
    with (
        failing_in_a_sentence(context),
        postgres.connect(due.url, what=OFICIALMED) as connection,
        postgres.errors_about(OFICIALMED),
    ):
        done = act(SegmentActions(connection, due.cadence), due.clock())
    context.log.info(done)
    context.add_output_metadata({"done": done})


def _job(name: str, op: dg.OpDefinition) -> dg.JobDefinition:
    @dg.job(name=name, description=op.description)
    def job() -> None:
        op()

    return job
