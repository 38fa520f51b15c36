"""Jobs on connections for the launchpad: what people do on the card and on the command line."""

from collections.abc import Callable

import dagster as dg
from pydantic import Field

from sync_pipelines.erp.connections.actions import ConnectionActions
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.defs.due_connections import DueConnections
from sync_pipelines.lib import postgres
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence

_Act = Callable[[ConnectionActions, str], str]


class ConnectionActionConfig(dg.Config):
    """Which connection."""

    connection: str = Field(description="The connection's UUID, or its key such as omie_1a2b3c4d.")


def connection_jobs(due: DueConnections) -> list[dg.JobDefinition]:
    """One job per action. Each is harmless when it is repeated."""
    return [
        _job(
            due,
            "erp_auto_sync_on",
            "Sync the connection by itself again.",
            act=lambda actions, one: actions.auto_sync(one, on=True, now=due.clock()),
        ),
        _job(
            due,
            "erp_auto_sync_off",
            "No automatic sync takes the connection until auto-sync is on again.",
            act=lambda actions, one: actions.auto_sync(one, on=False, now=due.clock()),
        ),
        _job(
            due,
            "erp_reviewed",
            "A person renewed the credentials: the connection is due again.",
            act=lambda actions, one: actions.reviewed(one, now=due.clock()),
        ),
        _job(
            due,
            "erp_sync_now",
            "Make the connection due at once, whatever its time or auto-sync: erp_due starts it within half a minute.",
            act=lambda actions, one: actions.sync_now(one, now=due.clock()),
        ),
    ]


def _job(due: DueConnections, name: str, description: str, *, act: _Act) -> dg.JobDefinition:
    @dg.op(name=f"{name}_op", description=description)
    def op(context: dg.OpExecutionContext, config: ConnectionActionConfig) -> None:
        with (
            failing_in_a_sentence(context),
            postgres.connect(due.url, what=ERP) as connection,
            postgres.errors_about(ERP),
        ):
            done = act(ConnectionActions(connection), config.connection)
        context.log.info(done)
        context.add_output_metadata({"done": done})

    @dg.job(name=name, description=description)
    def job() -> None:
        op()

    return job
