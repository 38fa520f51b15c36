"""The parts of a push, put together for one field mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from datetime import datetime

from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.mapping import rendering
from sync_pipelines.scouter.mapping.contract_columns import STAMPS
from sync_pipelines.scouter.push.batching import MARKS, Slicer
from sync_pipelines.scouter.push.extract import LeadReader, Renderings
from sync_pipelines.scouter.push.last_synced import Exchanges
from sync_pipelines.scouter.push.load import Sender
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.prove import Comparison
from sync_pipelines.scouter.push.report import Progress
from sync_pipelines.scouter.push.stages import Push
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.settings.scouter import ScouterSettings


@dataclass(frozen=True)
class Engine:
    """Makes readers, comparisons and the push itself for what the schema doctor found."""

    settings: ScouterSettings
    clock: Callable[[], datetime]
    client: PostgrestClient
    report: SchemaReport

    def reader(self, connection: postgres.Connection) -> LeadReader:
        # One moment a push: the other side's trigger knows a push by a `last_sync_at` that has changed.
        stamps: MappingOf[str, str] = {**STAMPS, "last_sync_at": self.clock().isoformat()}
        mapping, types = self.report.mapping, self.report.destination_columns
        as_text = rendering.columns_sent_as_text(mapping, self.report.source_types, types)
        renderings = Renderings(
            rendering.body_sql(mapping, as_text=as_text),
            rendering.hash_sql(mapping),
            rendering.suspect_sql(self.report.suspects),
        )
        return LeadReader(connection, renderings, stamps)

    def comparison(self) -> Comparison:
        """Of everything that is sent, the stamps as well."""
        return Comparison(self.client, self.report.mapping.columns, self.report.destination_columns)

    def slicer(self, reader: LeadReader, exchanges: Exchanges, options: PushOptions, run_id: str) -> Slicer:
        types = self.report.destination_columns
        return Slicer(
            reader,
            exchanges,
            self.client,
            comparison=self.comparison().of_content(),
            size=self.settings.scouter_batch_size,
            run_id=run_id,
            options=options,
            has_marks=not types or set(MARKS) <= set(types),
        )

    def push(
        self,
        reader: LeadReader,
        slicers: Sequence[Slicer],
        *,
        exchanges: Exchanges,
        progress: Progress,
        before_commit: Callable[[], None] = lambda: None,
    ) -> Push:
        return Push(
            reader,
            slicers,
            Sender(self.client, self.report.mapping.columns),
            comparison=self.comparison(),
            progress=progress,
            exchanges=exchanges,
            zone=self.settings.zone,
            watermark=self.clock(),
            in_flight=self.settings.scouter_in_flight,
            before_commit=before_commit,
        )
