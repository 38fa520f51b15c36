"""Named mappings in `gestao_scouter_field_mappings`, the table where the application's screen keeps its own."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.mapping_rules import validate_mapping


class Preset(NamedTuple):
    """A mapping with a name; `document` is as it is stored, and may be one that cannot be read any more."""

    name: str
    document: Any
    is_default: bool = False

    @property
    def mapping(self) -> FieldMapping:
        """The mapping; PermanentError names the preset if it cannot be read."""
        try:
            return FieldMapping.parse(
                self.document if isinstance(self.document, dict | str) else json.dumps(self.document)
            )
        except PermanentError as error:
            raise PermanentError(f"Preset {self.name!r}: {error}") from None


@dataclass(frozen=True)
class Presets:
    """The presets of a TabuladorMax database."""

    connection: Connection

    def all(self) -> list[Preset]:
        """All of them, by name."""
        rows = self.connection.execute(
            "select name, mappings, coalesce(is_default, false) from public.gestao_scouter_field_mappings order by name"
        )
        return [Preset(*row) for row in rows.fetchall()]

    def get(self, name: str) -> Preset:
        """The preset of this name; PermanentError lists those that exist."""
        found = {preset.name: preset for preset in self.all()}
        if name not in found:
            there = f"there are {', '.join(found)}" if found else "there is none yet"
            raise PermanentError(f"There is no preset {name!r} in gestao_scouter_field_mappings; {there}.")
        return found[name]

    def default(self) -> Preset | None:
        """The preset of a job that has no mapping of its own."""
        return next((preset for preset in self.all() if preset.is_default), None)

    def save(
        self,
        presets: Sequence[Preset],
        source_columns: Collection[str],
        destination_columns: Collection[str],
    ) -> list[str]:
        """Save all presets or none, in the names of the live columns; returns the presets' names.

        Raises PermanentError if one of them cannot be used. A new default replaces the old one.
        """
        checked = [(preset, _validate(preset, source_columns, destination_columns)) for preset in presets]
        if len([preset for preset in presets if preset.is_default]) > 1:
            raise PermanentError("Only one preset can be the default.")
        with self.connection.transaction():
            for preset, mapping in checked:
                if preset.is_default:
                    self.connection.execute(
                        "update public.gestao_scouter_field_mappings set is_default = false, updated_at = now()"
                        " where is_default and name <> %s",
                        (preset.name,),
                    )
                self.connection.execute(
                    "insert into public.gestao_scouter_field_mappings (name, mappings, is_default)"
                    " values (%s, %s, %s) on conflict (name) do update set mappings = excluded.mappings,"
                    " is_default = excluded.is_default, updated_at = now()",
                    (preset.name, Jsonb(mapping.document()), preset.is_default),
                )
        return [preset.name for preset in presets]


def _validate(preset: Preset, source: Collection[str], destination: Collection[str]) -> FieldMapping:
    if not preset.name.strip():
        raise PermanentError("A preset needs a name.")
    mapping = preset.mapping
    try:
        return validate_mapping(mapping, source, destination)
    except PermanentError as error:
        raise PermanentError(f"Preset {preset.name!r}: {error}") from None
