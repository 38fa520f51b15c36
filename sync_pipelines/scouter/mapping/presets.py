"""Named mappings in `gestao_scouter_field_mappings`, where the application's screen keeps its own, and as a file."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping, validated

FORMAT = "scouter-field-mappings/1"


class Preset(NamedTuple):
    """A mapping with a name; `document` as it is stored, which may be one that cannot be used any more."""

    name: str
    document: Any
    is_default: bool = False

    @property
    def mapping(self) -> FieldMapping:
        """The mapping; PermanentError names the preset where it cannot be read."""
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
        """The one of this name; PermanentError lists those that there are."""
        found = {preset.name: preset for preset in self.all()}
        if name not in found:
            there = f"there are {', '.join(found)}" if found else "there is none yet"
            raise PermanentError(f"There is no preset {name!r} in gestao_scouter_field_mappings; {there}.")
        return found[name]

    def default(self) -> Preset | None:
        """The one that counts where a job names none."""
        return next((preset for preset in self.all() if preset.is_default), None)

    def save(
        self,
        presets: Sequence[Preset],
        source_columns: Collection[str],
        destination_columns: Collection[str],
    ) -> list[str]:
        """Save presets, all or none, in the live columns' names; returns their names.

        PermanentError where one of them cannot be used. A default takes the place of the one before.
        """
        checked = [(preset, _usable(preset, source_columns, destination_columns)) for preset in presets]
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


def _usable(preset: Preset, source: Collection[str], destination: Collection[str]) -> FieldMapping:
    if not preset.name.strip():
        raise PermanentError("A preset needs a name.")
    mapping = preset.mapping
    try:
        return validated(mapping, source, destination)
    except PermanentError as error:
        raise PermanentError(f"Preset {preset.name!r}: {error}") from None


def export_text(presets: Sequence[Preset]) -> str:
    """Presets as the text of a file that `read_text` reads; one that is no mapping any more, as it is stored."""
    listed = [
        {"name": preset.name, "is_default": preset.is_default, "mappings": _shown(preset)}
        for preset in presets
    ]
    return json.dumps({"format": FORMAT, "presets": listed}, ensure_ascii=False, indent=2) + "\n"


def read_text(text: str, name: str = "") -> list[Preset]:
    """The presets of a file: one of ours, or a bare `{destination: source}` that is to be called `name`."""
    mapping = _json(text)
    if mapping.get("format") == FORMAT:
        listed = mapping.get("presets")
        presets = [_listed(one) for one in listed] if isinstance(listed, list) else []
        if name:
            presets = [preset for preset in presets if preset.name == name]
        if not presets:
            raise PermanentError(f"The file holds no preset{f' {name!r}' if name else ''}.")
        return presets
    if not name:
        raise PermanentError(
            "The file holds one mapping without a name: say what the preset is to be called."
        )
    return [Preset(name, text)]


def write_file(path: Path, presets: Sequence[Preset]) -> None:
    """Write a new file, whole or not at all; PermanentError where there is one already."""
    text = export_text(presets)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise PermanentError(f"{path} is there already and stays as it is: name another file.") from None
    except OSError as error:
        raise PermanentError(f"{path} could not be written: {error.strerror}.") from None


def read_file(path: Path, name: str = "") -> list[Preset]:
    """Read a file of presets; PermanentError, which names it, where it is none."""
    try:
        return read_text(path.read_text(encoding="utf-8"), name)
    except UnicodeDecodeError:
        raise PermanentError(f"{path} is not a text in UTF-8.") from None
    except OSError as error:
        raise PermanentError(f"{path} could not be read: {error.strerror}.") from None
    except PermanentError as error:
        raise PermanentError(f"{path}: {error}") from None


def _shown(preset: Preset) -> Any:
    try:
        return preset.mapping.document()
    except PermanentError:
        return preset.document


def _json(text: str) -> Mapping[str, Any]:
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    try:
        document = json.loads(text, object_pairs_hook=unique)
    except ValueError:
        raise PermanentError("The file is not JSON.") from None
    if not isinstance(document, dict):
        raise PermanentError("The file is neither a mapping nor a list of presets.")
    if twice:
        raise PermanentError(f"The file has two values for {', '.join(twice)}: keep one.")
    return document


def _listed(one: object) -> Preset:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str) or "mappings" not in one:
        raise PermanentError("The file has a preset without name or mappings.")
    return Preset(one["name"], one["mappings"], one.get("is_default") is True)
