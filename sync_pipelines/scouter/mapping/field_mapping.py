"""Which column of TabuladorMax goes into which column of Gestão Scouter, and by which declared transform.

A mapping is `{destination: source}`, as the application's screen writes it; a source may also be
`{"from": "x" | ["x", "y"], "transform": "…"}`. Nothing is dropped in silence: every name that one of the live sides
does not have is named, all in one sentence (the original sent the rest and lost the data).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping import transforms

KEY = "id"
#: What the application's screen does not let anybody leave out, by the source's names.
REQUIRED = (KEY, "name", "updated_at")
#: Columns of the destination that its own users fill: a push would undo their work (contract, section 3).
OWNED = frozenset(
    {
        *("analisado_em", "analisado_por", "aprovado", "created_at", "deleted", "email", "latitude"),
        *("local_da_abordagem", "localizacao", "longitude", "needs_enrichment", "projeto", "scouter_id"),
        "supervisor",
    }
)
#: What a push writes of itself, so that the other side's trigger leaves its rows alone. `last_sync_at` is now.
STAMPS: Mapping[str, str] = {"sync_source": "tabuladormax", "sync_status": "synced", "last_sync_at": "now"}
_PREFIX = "tab_"  # some screens wrote it before the source's names
_RENAMED = {"nome": ("name",), "foto": ("photo_url",)}
_TELEPHONES = ("celular", "telefone_trabalho", "telefone_casa")
#: The names that both sides have had since the first day, without those that are stamped.
_SAME_NAME = (
    *("id", "age", "cadastro_existe_foto", "celular", "commercial_project_id", "compareceu", "criado"),
    *("data_confirmacao_ficha", "data_criacao_ficha", "date_modify", "etapa", "etapa_fluxo", "etapa_funil"),
    *("ficha_confirmada", "fonte", "horario_agendamento", "local_abordagem", "maxsystem_id_ficha"),
    *("nome_modelo", "op_telemarketing", "presenca_confirmada", "raw", "responsible", "responsible_user_id"),
    *("scouter", "status_fluxo", "status_tabulacao", "telefone_casa", "telefone_trabalho", "updated_at"),
    "valor_ficha",
)


@dataclass(frozen=True)
class Field:
    """One column of the destination, the columns of the source it is made of, and how."""

    destination: str
    sources: tuple[str, ...]
    transform: str | None = None

    @property
    def is_plain(self) -> bool:
        return self.transform is None

    def document(self) -> str | dict[str, Any]:
        """What the JSON of a mapping says of it."""
        if self.is_plain:
            return self.sources[0]
        return {
            "from": self.sources[0] if len(self.sources) == 1 else [*self.sources],
            "transform": self.transform,
        }


@dataclass(frozen=True)
class FieldMapping:
    """The fields of a push, one a destination column, in the order of their names."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        """Bring the fields in order: two mappings that say the same are equal."""
        object.__setattr__(self, "fields", tuple(sorted(self.fields, key=lambda field: field.destination)))

    @classmethod
    def parse(cls, document: str | bytes | Mapping[str, Any]) -> FieldMapping:
        """Read a mapping's JSON; PermanentError names everything in it that is none."""
        if isinstance(document, str | bytes):
            document = _read(document)
        problems: list[str] = []
        fields = [_field(name, value, problems) for name, value in document.items()]
        if problems:
            raise PermanentError(f"The field mapping cannot be read: {'; '.join(problems)}.")
        return cls(tuple(field for field in fields if field))

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
        """The SHA-256 of the document: another one is another mapping."""
        text = json.dumps(self.document(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def hashed(self) -> tuple[Field, ...]:
        """The fields that are content: `updated_at` alone makes no lead another one."""
        return tuple(field for field in self.fields if field.sources != ("updated_at",))

    def document(self) -> dict[str, Any]:
        """The JSON object that `parse` reads."""
        return {field.destination: field.document() for field in self.fields}

    def field_for(self, destination: str) -> Field | None:
        return next((field for field in self.fields if field.destination == destination), None)

    def only(self, sources: Sequence[str]) -> FieldMapping:
        """The part that is made of these source columns (a job's `fields_selected`), and what cannot be left out.

        PermanentError names those that no field is made of.
        """
        wanted = {_without_prefix(name, self.sources) for name in sources}
        if unknown := sorted(wanted - self.sources):
            raise PermanentError(
                f"fields_selected names {_names(unknown)}: the mapping sends no such column."
            )
        wanted |= set(REQUIRED)
        return FieldMapping(tuple(field for field in self.fields if wanted & set(field.sources)))


def default_mapping(source_columns: Collection[str], destination_columns: Collection[str]) -> FieldMapping:
    """What goes over where nobody said otherwise: the contract's pairs, and names that both sides have by now.

    A pair that a side lacks stays in: the doctor then refuses and shows the SQL, where dropping it would lose data.
    """
    fields = {name: Field(name, (name,)) for name in _SAME_NAME}
    fields |= {name: Field(name, sources) for name, sources in _RENAMED.items()}
    fields["telefone"] = Field("telefone", _TELEPHONES, transforms.FIRST_NON_EMPTY)
    further = set(source_columns) & set(destination_columns) - OWNED - set(STAMPS) - set(fields)
    return FieldMapping((*fields.values(), *(Field(name, (name,)) for name in further)))


def validated(
    mapping: FieldMapping, source_columns: Collection[str], destination_columns: Collection[str]
) -> FieldMapping:
    """The mapping in the live columns' names; PermanentError lists everything about it that cannot be."""
    mapping = without_prefixes(mapping, source_columns)
    problems = [
        *_unknown("TabuladorMax", sorted(mapping.sources - set(source_columns))),
        *_unknown("Gestão Scouter", sorted(set(mapping.destinations) - set(destination_columns))),
        *rules_broken(mapping),
    ]
    if problems:
        raise PermanentError(f"The field mapping cannot be used: {'; '.join(problems)}.")
    return mapping


def without_prefixes(mapping: FieldMapping, source_columns: Collection[str]) -> FieldMapping:
    """The mapping with `tab_` taken from the sources of which only the name without it exists."""
    return FieldMapping(
        tuple(
            replace(field, sources=tuple(_without_prefix(name, source_columns) for name in field.sources))
            for field in mapping.fields
        )
    )


def rules_broken(mapping: FieldMapping) -> list[str]:
    """What no mapping may do, whatever columns the two sides have."""
    problems = []
    if owned := sorted(OWNED & set(mapping.destinations)):
        problems.append(f"{_names(owned)} of Gestão Scouter belong to its own users and are never sent")
    if stamped := sorted(set(STAMPS) & set(mapping.destinations)):
        problems.append(f"{_names(stamped)} of Gestão Scouter are written by the push itself")
    if missing := [name for name in REQUIRED if name not in mapping.sources]:
        problems.append(f"{_names(missing)} of TabuladorMax must be mapped")
    for name in (KEY, "updated_at"):
        field = mapping.field_for(name)
        if name in mapping.sources and field != Field(name, (name,)):
            problems.append(f"{name} must go to {name} as it is")
    return problems


def _unknown(side: str, names: Sequence[str]) -> list[str]:
    return [f"{side} has no column {_names(names)}"] if names else []


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _without_prefix(name: str, known: Collection[str]) -> str:
    bare = name.removeprefix(_PREFIX)
    return bare if name not in known and bare in known else name


def _read(text: str | bytes) -> Mapping[str, Any]:
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    try:
        document = json.loads(text, object_pairs_hook=unique)
    except ValueError:
        raise PermanentError("The field mapping is not JSON.") from None
    if twice:
        raise PermanentError(f"The field mapping has two sources for {_names(twice)}: keep one.")
    if not isinstance(document, dict):
        raise PermanentError("The field mapping is not a JSON object of {destination: source}.")
    return document


def _field(destination: str, value: object, problems: list[str]) -> Field | None:
    origin, transform = value, None
    if isinstance(value, dict) and set(value) <= {"from", "transform"}:
        origin, transform = value.get("from"), value.get("transform")
    listed: list[object] = origin if isinstance(origin, list) else [origin]
    sources = tuple(source for source in listed if isinstance(source, str) and source)
    if not sources or len(sources) < len(listed):
        problems.append(f"{destination} has no source")
        return None
    if transform in (None, transforms.NONE):
        transform = transforms.FIRST_NON_EMPTY if len(sources) > 1 else None
    if transform is None:
        return Field(destination, sources)
    try:
        known = transforms.named(str(transform))
    except PermanentError as error:
        problems.append(f"{destination}: {str(error).rstrip('.')}")
        return None
    if len(sources) > 1 and not known.takes_several:
        problems.append(f"{destination} has several sources, which only {transforms.FIRST_NON_EMPTY} takes")
        return None
    return Field(destination, sources, known.name)
