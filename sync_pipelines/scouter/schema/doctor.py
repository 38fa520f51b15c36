"""The schema doctor: compares both live schemas through the mapping, before anything is sent.

Replaces the Edge Function `validate-gestao-scouter-schema`, which compared names before they were mapped and suggested
TEXT for every missing column. A report is valid for five minutes. A failed read is an error and is never cached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.presets import Presets
from sync_pipelines.scouter.schema.columns import SOURCE
from sync_pipelines.scouter.schema.comparison import compare_schemas
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.scouter.schema.report_cache import ReportCache
from sync_pipelines.scouter.schema.source import read_source

_DEFAULT = "default"


@dataclass(frozen=True)
class SchemaDoctor:
    """Examines one source and one destination; `destination` is the address under which reports are cached."""

    source_url: str
    client_factory: Callable[[], PostgrestClient]
    ops_url: str
    destination: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def examine(self, mapping: FieldMapping | None = None, *, fresh: bool = False) -> SchemaReport:
        """The report on a mapping, or on the default mapping of the live columns; `fresh` ignores the cache.

        Raises SyncError if one of the sides cannot be read.
        """
        now, key = self.clock(), mapping.fingerprint if mapping else _DEFAULT
        # A report that stops a push is not reused: somebody may have run its SQL a second ago.
        if not fresh and (cached := self._cache.get(key, now)) and cached.fits:
            return cached
        with postgres.connect(self.source_url, what=SOURCE, read_only=True) as connection:
            source = read_source(connection)
        with self.client_factory() as client:
            report = compare_schemas(client, mapping, source, now=now)
        self._cache.put(key, report)
        return report

    def examine_push(
        self, connection: postgres.Connection, job: ExportJob | None = None, *, fresh: bool = False
    ) -> SchemaReport:
        """The report on what a push sends: by the job's own mapping, else the default preset, else the contract.

        `connection` is to TabuladorMax. Raises PermanentError if the stored mapping cannot be read.
        """
        mapping = FieldMapping.parse(job.field_mappings) if job and job.field_mappings else None
        if mapping is None and (preset := Presets(connection).default()):
            mapping = preset.mapping
        report = self.examine(mapping, fresh=fresh)
        if job and job.fields_selected:
            return self.examine(report.mapping.only(job.fields_selected))
        return report

    def forget(self) -> None:
        """Expire the cached report: after a reload, and when a write did not find a column (PGRST204)."""
        self._cache.expire()

    @property
    def _cache(self) -> ReportCache:
        return ReportCache(self.ops_url, self.destination)
