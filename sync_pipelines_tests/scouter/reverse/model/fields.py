"""The mapped fields that the model moves, and the values that people write in them.

Every value is the text that Postgres writes of it, or None: so both sides are compared without any code of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5
from typing import Literal
from uuid import UUID

Value = str | None
Side = Literal["here", "there"]
#: What a person does to a field: writes a value that was nowhere before, empties it, writes the one of the last rest,
#: or what TabuladorMax cannot hold.
Kind = Literal["new", "null", "empty", "back", "invalid"]


@dataclass(frozen=True)
class ModelField:
    """Columns that hold the same: here (TabuladorMax) `tab` of type `kind`, there `gestao`."""

    tab: str
    gestao: str
    kind: str
    #: Of the column there, if it is another one.
    kind_there: str | None = None
    #: What the column there can hold and the one here cannot; each gets a number.
    invalid: tuple[str, ...] = ()

    def column(self, side: Side) -> str:
        return self.tab if side == "here" else self.gestao

    def type_at(self, side: Side) -> str:
        return self.kind if side == "here" else self.kind_there or self.kind

    def read(self, side: Side) -> str:
        """SQL of the value as text. A JSON null is no value, as the API shows it; a boolean has many spellings."""
        column = self.column(side)
        if (self.kind, side) == ("boolean", "there"):
            return (
                f"case when {column} ~* '^(true|false|t|f)$' then {column}::boolean::text else {column} end"
            )
        return f"nullif({column}, 'null')::text" if self.kind == "jsonb" else f"{column}::text"

    def new(self, number: int, now: Value = None) -> Value:
        """A value that no edit of another number writes; a boolean can only be the other one."""
        if self.kind == "boolean":
            return "false" if now == "true" else "true"
        if self.kind == "uuid":
            return PROJECTS[number % len(PROJECTS)]
        if self.kind == "jsonb":
            # In the order and the form in which Postgres stores it; digits that a float would lose.
            return f'{{"n": {number}, "é": "🙂", "exact": {number}.12345678901234567890}}'
        if self.kind == "integer":
            return str(number)
        if self.kind == "numeric":
            return f"{number}.{number % 100:02}"
        return f"1{number:09}" if self.tab in {"celular", "telefone"} else f"{self.tab} {number} ção"

    def spelled(self, value: Value, side: Side) -> Value:
        """As a person may write it."""
        if (self.kind, side) == ("boolean", "there") and value in {"true", "false"}:
            return {"true": "TRUE", "false": "f"}[value]
        return value

    def value(self, kind: Kind, number: int, *, now: Value, quiet: Value) -> Value:
        """What a person writes over `now`; `quiet` is what both sides held when all was at rest."""
        if kind == "new":
            return self.new(number, now)
        if kind == "back":
            return quiet
        if kind == "invalid":
            return self.invalid[number % len(self.invalid)].format(number) if self.invalid else now
        return "" if kind == "empty" and self.kind == "text" else None


#: The projects of the sandbox's TabuladorMax.
PROJECTS = [str(UUID(md5(f"projeto-{n}".encode(), usedforsecurity=False).hexdigest())) for n in range(6)]
TWO_WAY = (
    ModelField("name", "nome", "text"),
    ModelField("etapa", "etapa", "text"),
    ModelField("age", "age", "integer"),
    ModelField("ficha_confirmada", "ficha_confirmada", "boolean", kind_there="text", invalid=("talvez {}",)),
    ModelField(
        "commercial_project_id",
        "commercial_project_id",
        "uuid",
        kind_there="text",
        # No uuid, and a project that TabuladorMax does not have.
        invalid=("projeto {}", "00000000-0000-0000-0000-{:012}"),
    ),
    ModelField("raw", "raw", "jsonb"),
    ModelField("valor_ficha", "valor_ficha", "numeric"),
    ModelField("celular", "celular", "text"),
)
BY_NAME = {field.tab: field for field in TWO_WAY}
#: Filled of three columns of TabuladorMax, of which this model fills one: nobody knows which an edit there means.
ONE_WAY = ModelField("telefone", "telefone", "text")


def telephone(celular: Value) -> Value:
    """What Gestão Scouter has to hold in `telefone`."""
    return celular or None
