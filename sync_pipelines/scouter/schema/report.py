"""What the schema doctor found, as a person reads it and as the cache stores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.suspect_rules import SuspectRule
from sync_pipelines.scouter.schema import suggestions
from sync_pipelines.scouter.schema.verdicts import Verdict, errors

_ORDER = ("error", "lossy", "warning", "ok")


@dataclass(frozen=True)
class SchemaReport:
    """The two schemas through one mapping.

    `source_types` are the Postgres types by source column, with precision; `destination_columns` are types without
    precision, empty if unknown. `notes` say what could not be checked. `missing_in_gestao_scouter` are columns that a
    push would write and that do not exist there; `missing_in_tabuladormax` are missing sources of a field. The two
    `only_…` are for information: nothing maps them.
    """

    mapping: FieldMapping
    verdicts: tuple[Verdict, ...]
    suspects: tuple[SuspectRule, ...]
    source_types: Mapping[str, str]
    destination_columns: Mapping[str, str]
    suggested_sql: tuple[str, ...]
    checked_at: datetime
    notes: tuple[str, ...] = ()
    only_in_tabuladormax: tuple[str, ...] = ()
    only_in_gestao_scouter: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether a push may start."""
        return not errors(self.verdicts)

    @property
    def missing_in_gestao_scouter(self) -> tuple[str, ...]:
        return tuple(
            one.field for one in self.verdicts if one.rule in ("destination_missing", "not_in_cache")
        )

    @property
    def missing_in_tabuladormax(self) -> tuple[str, ...]:
        wanted = self.mapping.sources
        return tuple(sorted(wanted - set(self.source_types)))

    def counts(self) -> dict[str, int]:
        """Verdicts by level."""
        return {level: sum(one.level == level for one in self.verdicts) for level in _ORDER}

    def sentences(self) -> list[str]:
        """Everything that keeps a push from starting; empty if the schemas fit."""
        return [verdict.sentence for verdict in errors(self.verdicts)]

    def refusal(self) -> str:
        """Why no push starts and what to do, in one text."""
        reasons = " ".join(self.sentences())
        if not self.suggested_sql:
            return reasons
        return f"{reasons} To run in Gestão Scouter: {' '.join(self.suggested_sql)}"

    def markdown(self) -> str:
        """The verdicts as a table, the worst first."""
        ranked = sorted(self.verdicts, key=lambda one: (_ORDER.index(one.level), one.field))
        lines = [f"| {one.field} | {one.level} | {one.rule} | {_cell(one.sentence)} |" for one in ranked]
        notes = [*self.notes, ""] if self.notes else []
        return "\n".join([*notes, "| column | verdict | rule | what |", "|---|---|---|---|", *lines])

    def sql_markdown(self) -> str:
        """The suggested SQL as a block that can be copied."""
        return suggestions.markdown(self.suggested_sql)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "mapping": self.mapping.document(),
            "verdicts": [verdict.document() for verdict in self.verdicts],
            "suspects": [suspect.document() for suspect in self.suspects],
            "source_types": dict(self.source_types),
            "destination_columns": dict(self.destination_columns),
            "suggested_sql": [*self.suggested_sql],
            "checked_at": self.checked_at.isoformat(),
            "notes": [*self.notes],
            "only_in_tabuladormax": [*self.only_in_tabuladormax],
            "only_in_gestao_scouter": [*self.only_in_gestao_scouter],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> SchemaReport:
        """Read what `document` wrote."""
        return cls(
            mapping=FieldMapping.parse(document["mapping"]),
            verdicts=tuple(Verdict(**verdict) for verdict in document["verdicts"]),
            suspects=tuple(SuspectRule.from_document(suspect) for suspect in document["suspects"]),
            source_types=document["source_types"],
            destination_columns=document["destination_columns"],
            suggested_sql=tuple(document["suggested_sql"]),
            checked_at=datetime.fromisoformat(document["checked_at"]),
            notes=tuple(document["notes"]),
            only_in_tabuladormax=tuple(document["only_in_tabuladormax"]),
            only_in_gestao_scouter=tuple(document["only_in_gestao_scouter"]),
        )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
