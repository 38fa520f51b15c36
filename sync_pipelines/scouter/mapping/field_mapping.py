"""Which column of TabuladorMax goes into which column of Gestão Scouter, and by which declared transform.

A mapping is `{destination: source}`, as the application's screen writes it; a source may also be
`{"from": "x" | ["x", "y"], "transform": "…"}`. An error names every wrong column in one sentence. The Edge Function
dropped a column that one side did not have and lost its data without a word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.contract_columns import REQUIRED, STAMPS
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.mapping_json import read_json

_PREFIX = "tab_"  # some screens wrote it before the names of source columns


@dataclass(frozen=True)
class FieldMapping:
    """The fields of a push, one per destination column, sorted by the destination's names."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        """Sort the fields, so that two mappings with the same fields are equal."""
        object.__setattr__(self, "fields", tuple(sorted(self.fields, key=lambda field: field.destination)))

    @classmethod
    def parse(cls, document: str | bytes | Mapping[str, Any]) -> FieldMapping:
        """Read a mapping's JSON; PermanentError names every field that cannot be read."""
        if isinstance(document, str | bytes):
            document = _read_object(document)
        fields, problems = list[Field](), list[str]()
        for name, value in document.items():
            try:
                fields.append(Field.parse(name, value))
            except PermanentError as error:
                problems.append(str(error).rstrip("."))
        if problems:
            raise PermanentError(f"The field mapping cannot be read: {'; '.join(problems)}.")
        return cls(tuple(fields))

    @property
    def destinations(self) -> tuple[str, ...]:
        return tuple(field.destination for field in self.fields)

    @property
    def sources(self) -> frozenset[str]:
        return frozenset(source for field in self.fields for source in field.sources)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a push writes: the mapped ones and the stamps."""
        return (*self.destinations, *STAMPS)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the document; it identifies the mapping."""
        text = json.dumps(self.document(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def hashed(self) -> tuple[Field, ...]:
        """The fields that are content. A new `updated_at` alone does not change a lead."""
        return tuple(field for field in self.fields if field.sources != ("updated_at",))

    def document(self) -> dict[str, Any]:
        """The JSON object that `parse` reads."""
        return {field.destination: field.document() for field in self.fields}

    def field_for(self, destination: str) -> Field | None:
        return next((field for field in self.fields if field.destination == destination), None)

    def only(self, sources: Sequence[str]) -> FieldMapping:
        """The fields that use these source columns (a job's `fields_selected`), and the required ones.

        Raises PermanentError naming those that no field uses.
        """
        wanted = {without_prefix(name, self.sources) for name in sources}
        if unknown := sorted(wanted - self.sources):
            raise PermanentError(
                f"fields_selected names {', '.join(unknown)}: the mapping sends no such column."
            )
        wanted |= set(REQUIRED)
        return FieldMapping(tuple(field for field in self.fields if wanted & set(field.sources)))


def without_prefix(name: str, columns: Collection[str]) -> str:
    """A source column without `tab_`, if only the name without it is one of `columns`."""
    bare = name.removeprefix(_PREFIX)
    return bare if name not in columns and bare in columns else name


def _read_object(text: str | bytes) -> Mapping[str, Any]:
    try:
        document, repeated = read_json(text)
    except ValueError:
        raise PermanentError("The field mapping is not JSON.") from None
    if repeated:
        raise PermanentError(f"The field mapping has two sources for {', '.join(repeated)}: keep one.")
    if not isinstance(document, dict):
        raise PermanentError("The field mapping is not a JSON object of {destination: source}.")
    return document
