"""The destination's schema during a push: what to do when a write does not find a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.schema.doctor import SchemaDoctor
from sync_pipelines.scouter.schema.report import SchemaReport

#: Reloads the schema cache and waits until writes find these columns.
ReloadSchema = Callable[[PostgrestClient, Sequence[str]], object]


@dataclass(frozen=True)
class DestinationSchema:
    """The schema as one mapping writes it."""

    doctor: SchemaDoctor
    client: PostgrestClient
    mapping: FieldMapping
    reload_schema: ReloadSchema

    def reload(self) -> object:
        """Reload the schema cache, and wait until writes find every mapped column. The cached report expires."""
        self.doctor.forget()
        return self.reload_schema(self.client, self.mapping.columns)

    def examine(self) -> SchemaReport:
        """The report on the schemas as they are now."""
        return self.doctor.examine(self.mapping, fresh=True)
