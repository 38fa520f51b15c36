"""The drain of the inbox: each batch is validated and applied in TabuladorMax, then recorded in the ops database.

A batch is one transaction in TabuladorMax, and then one in the ops database, which marks the rows of the inbox last.
After a crash between the two, rows wait that were applied already: the next drain finds that nothing differs, and
marks them. The last-synced state that is recorded is the lead as it is afterwards, so that the push does not send it
straight back. Two drains never overlap: each holds one lock in the ops database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.connection import OPS
from sync_pipelines.lib.records.inbox import Decision, Inbox
from sync_pipelines.lib.records.inbox import Status as InboxStatus
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.mapping.contract_columns import OWNED
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import SESSION
from sync_pipelines.scouter.probe import Probe, no_probe
from sync_pipelines.scouter.reverse.inbox import WaitingLead, take_leads
from sync_pipelines.scouter.reverse.load import BatchLoad
from sync_pipelines.scouter.reverse.report import DrainReport, Outcome, Result
from sync_pipelines.scouter.reverse.reverse_mapping import ReverseMapping
from sync_pipelines.scouter.reverse.sql_files import statement
from sync_pipelines.scouter.reverse.validate import Validation

TABULADORMAX = "the TabuladorMax database"
LOCK = postgres.lock_key("scouter", "leads_inbound")
_LIMITS = {"statement_timeout": "120000", "lock_timeout": "10000"}
_DECIDED: Mapping[Outcome, InboxStatus] = {
    "created": "applied",
    "updated": "applied",
    "same": "applied",
    "ignored": "ignored",
    "rejected": "rejected",
}


@dataclass(frozen=True)
class BatchSize:
    """The most that one batch takes from the inbox. A row that is longer than `bytes` is taken alone."""

    rows: int = 2000
    bytes: int = 16 << 20


@dataclass(frozen=True)
class Drain:
    """Drains the inbox into TabuladorMax.

    `mapping` must be that of the push: otherwise no echo is recognised. `destination` names Gestão Scouter in
    ops.lead_exchanges. `known` are columns of Gestão Scouter that are expected in a payload.
    """

    ops_url: str = field(repr=False)
    tabuladormax_url: str = field(repr=False)
    mapping: FieldMapping
    destination: str
    known: Collection[str] = OWNED
    batch: BatchSize = BatchSize()
    wait_seconds: float = 60.0
    probe: Probe = no_probe

    def run(
        self, run_id: str, *, at_most: int | None = None, log: Callable[[str], None] = lambda _said: None
    ) -> DrainReport:
        """Work through the rows that wait, at most so many.

        Raises TransientError if another drain is running and does not end within `wait_seconds`.
        """
        report = DrainReport()
        with (
            postgres.connect(self.ops_url, what=OPS) as ops,
            postgres.errors_about(OPS),
            postgres.session_lock(
                ops, LOCK, wait_seconds=self.wait_seconds, busy="Another drain of the inbox is under way."
            ),
            postgres.connect(
                self.tabuladormax_url, what=TABULADORMAX, session={**SESSION, **_LIMITS}
            ) as leads,
        ):
            inbox = Inbox(ops, TOPIC)
            with postgres.errors_about(TABULADORMAX):
                types = source_types(leads)
            reverse = ReverseMapping.of(self.mapping, types)
            report.one_way = reverse.one_way
            validation, load = Validation(reverse), BatchLoad(self.mapping, reverse, types, known=self.known)
            while waiting := self._take(inbox, report, at_most):
                with postgres.errors_about(TABULADORMAX), leads.transaction():
                    validation.run(leads, waiting)
                    load.decide(leads)
                    self.probe("decided")
                    results, unknown = load.write(leads), load.unknown_keys(leads)
                    self.probe("applied")
                self.probe("committed")
                self._record(inbox, results, run_id)
                self.probe("recorded")
                report.add(results, unknown)
                log(f"{report.read} changes were decided, {report.applied} of them applied.")
        return report

    def _take(self, inbox: Inbox, report: DrainReport, at_most: int | None) -> list[WaitingLead]:
        most = self.batch.rows if at_most is None else min(self.batch.rows, at_most - report.read)
        if most <= 0:
            return []
        return take_leads(inbox, self.destination, most=most, most_bytes=self.batch.bytes)

    def _record(self, inbox: Inbox, results: Sequence[Result], run_id: str) -> None:
        synced = [one for one in results if one.content_hash is not None]
        with inbox.connection.transaction():
            inbox.connection.execute(
                statement("record_last_synced"),
                {
                    "destination": self.destination,
                    "run_id": run_id,
                    "lead_ids": [one.lead_id for one in synced],
                    "hashes": [one.content_hash for one in synced],
                    "times": [one.updated_at for one in synced],
                },
            )
            inbox.decide([Decision(one.id, _DECIDED[one.outcome], one.reason) for one in results], run_id)


def source_types(connection: postgres.Connection) -> dict[str, str]:
    """The columns of TabuladorMax's leads with their types and precision."""
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'public.leads'::regclass and attnum > 0 and not attisdropped order by attnum"
    ).fetchall()
    return dict(rows)
