"""What a push is made of, for one examined mapping: readers, batchers and provers, each with connections of its own."""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.field_bases import FieldBases
from sync_pipelines.scouter.last_synced import LastSynced
from sync_pipelines.scouter.mapping.contract_columns import OWNED
from sync_pipelines.scouter.mapping.field_hashes import FieldList
from sync_pipelines.scouter.push.batcher import Batcher
from sync_pipelines.scouter.push.changed_meanwhile import ChangedMeanwhile
from sync_pipelines.scouter.push.extract import LeadReader
from sync_pipelines.scouter.push.marks import Marks
from sync_pipelines.scouter.push.merge_first import MergeFirst
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.prove import Comparison, Prover
from sync_pipelines.scouter.reverse.drain import Drain
from sync_pipelines.scouter.reverse.live_columns import fixed_columns
from sync_pipelines.scouter.reverse.statements import Statements
from sync_pipelines.scouter.schema.report import SchemaReport

if TYPE_CHECKING:
    from sync_pipelines.scouter.push.pipeline import LeadPush


@dataclass
class PushParts:
    """Makes the parts of one run; what it opens is closed with `stack`."""

    push: LeadPush
    stack: ExitStack
    report: SchemaReport
    client: PostgrestClient
    ops: postgres.Connection
    run_id: str

    @cached_property
    def marks(self) -> Marks:
        """The marks of this push. A clock that stands still, or went back, must not give one twice."""
        first = self.push.clock()
        if self.push.merges_first:
            latest = FieldBases(self.ops, self.push.destination.label, FieldList((), ())).latest_stamp()
            if latest is not None and first.timestamp() <= latest:
                first = datetime.fromtimestamp(latest, UTC) + timedelta(milliseconds=1)
        return Marks(first, are_apart=self.push.merges_first)

    @cached_property
    def comparison(self) -> Comparison:
        """Of everything that is sent."""
        return Comparison(self.client, self.report.mapping.columns, self.report.destination_columns)

    def settle(self, connection: postgres.Connection) -> None:
        """Where the reverse sync is on, merge what a push that ended early has left; before anything is sent.

        Under the usual mapping first: one of some fields compares these only.
        """
        if not self.push.merges_first:
            return
        usual = None
        # The preset may be one that cannot be used, and this job has a mapping of its own.
        with contextlib.suppress(PermanentError):
            usual = self.push.examine(connection)
        reports = [usual] if usual and usual.fits and usual.mapping != self.report.mapping else []
        for report in (*reports, self.report):
            if drain := replace(self, report=report).drain(self.ops, connection):
                drain.settle()

    def reader(self, connection: postgres.Connection) -> LeadReader:
        """A reader of leads as they are sent now."""
        return LeadReader.for_report(
            self.report, connection, sent_at=self.marks.first, by_field=self.push.merges_first
        )

    def batcher(self, reader: LeadReader, options: PushOptions) -> Batcher:
        """A batcher for one thread."""
        ops, source = self.stack.enter_context(self.push.ops()), self.stack.enter_context(self.push.source())
        own, drain = replace(reader, connection=source), self.drain(ops, source)
        return Batcher(
            reader=own,
            last_synced=LastSynced(ops, self.push.destination.label),
            comparison=self.comparison.of_content(),
            size=self.push.batch_size,
            run_id=self.run_id,
            options=options,
            marks=self.marks,
            merge_first=MergeFirst(drain) if drain is not None else None,
        )

    def prover(self, last_synced: LastSynced) -> Prover:
        """The prover of what is sent."""
        meanwhile = None
        if self.push.merges_first:
            drain = self.drain(last_synced.connection, self.stack.enter_context(self.push.source()))
            meanwhile = ChangedMeanwhile(drain) if drain is not None else None
        return Prover(self.comparison, last_synced, run_id=self.run_id, marks=self.marks, meanwhile=meanwhile)

    def drain(self, ops: postgres.Connection, source: postgres.Connection) -> Drain | None:
        """What merges leads that people changed at the destination; None if the reverse sync is off."""
        if not self.push.merges_first:
            return None
        known = {*self.report.destination_columns, *OWNED}
        fixed = fixed_columns(source)
        return Drain(
            ops=ops,
            leads=source,
            client=self.client,
            mapping=self.report.mapping,
            statements=Statements.of(self.report.mapping, self.report.source_types, fixed=fixed, known=known),
            destination=self.push.destination.label,
            run_id=self.run_id,
            probe=self.push.probe,
        )
