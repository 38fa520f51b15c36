"""The rules for one cell of the export, and for one row.

A text `1.234,56` in an amount, a number or a date in Periodo, an id that lost its type: each is rejected with its
rule and never repaired. Known values are compared without accents, case or extra spaces.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sync_pipelines.hitss.dre.columns import (
    CUSTO,
    EXPORT_COLUMNS,
    NATUREZA_OF_CONTA,
    ORCADO,
    REALIZADO,
    RECEITA,
    normalised,
)
from sync_pipelines.lib.postgres.digest import NULL

#: The limits of bigint and of decimal(15, 2); a rounded amount must stay below its limit too.
LARGEST_ID = 2**63 - 1
LARGEST_AMOUNT = 10**13 - 1
#: Characters of a number. Real amounts have up to 14 decimals; with many more, sums would not be exact.
LONGEST_NUMBER = 32
#: The longest text that Excel allows in a cell.
LONGEST_TEXT = 32_767
#: Postgres cannot hold NUL, and the two separators divide our canonical texts.
_UNSTORABLE = dict.fromkeys(map(ord, ("\x00", "\x1e", "\x1f")))
_HALF = re.compile("[\ud800-\udfff]")
_PERIOD = re.compile(r"([1-9]|1[0-2])/([0-9]{4})")


class BadCellError(Exception):
    """The cell breaks its column's rule."""


class Problem(NamedTuple):
    """What is wrong with one cell. `guard` is the name by which a person may accept it, if there is one."""

    column: str
    value: object
    rule: str
    reason: str
    guard: str | None = None


class Lookup(dict[Any, Any]):
    """A dictionary that computes a missing entry once: a column of the export has few distinct values."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        super().__init__()
        self.compute = compute

    def __missing__(self, key: object) -> Any:
        value = self.compute(key)
        self[key] = value
        return value


class CellRules:
    """The rules for one window and one set of accepted guards.

    `first` and `last` are month keys (`2025-08-01`), both inside the window. `marked` are cells that are no literals
    in the raw XML: (row, column) from 1, with what they are.
    """

    def __init__(
        self,
        first: str,
        last: str,
        *,
        accepted: Collection[str] = (),
        marked: Mapping[tuple[int, int], str] | None = None,
    ) -> None:
        self.first, self.last = first, last
        self.accepted = frozenset(accepted)
        self.marked = dict(marked or {})
        self._known_reports = {normalised(name): name for name in (REALIZADO, ORCADO)}
        self._known_naturezas = {normalised(name): name for name in (RECEITA, CUSTO)}
        self._known_contas = {normalised(name): name for name in NATUREZA_OF_CONTA}

    def lookups(self) -> dict[str, Lookup]:
        """For each column of the export, the canonical texts of its cells, NULL as `digest.NULL`.

        As a key True equals 1.0, so a logical cell could pass for a number: the inspection of the raw XML marks
        logical cells.
        """
        texts = Lookup(lambda cell: text(cell) or NULL)
        special = {
            "relatorio": Lookup(lambda cell: self.known(cell, self._known_reports)),
            "natureza": Lookup(lambda cell: self.known(cell, self._known_naturezas)),
            "imposto": Lookup(lambda cell: self.optional_number(cell) or NULL),
            "id_recurso": Lookup(lambda cell: self.optional_integer(cell) or NULL),
        }
        return {column.name: special.get(column.name, texts) for column in EXPORT_COLUMNS}

    def month(self, cell: object) -> str:
        month = period_month(cell)
        if not self.first <= month <= self.last:
            raise BadCellError("outside the window")
        return month

    def month_or_none(self, cell: object) -> str | None:
        try:
            return self.month(cell)
        except BadCellError:
            return None

    @staticmethod
    def known(cell: object, names: Mapping[str, str]) -> str:
        try:
            return names[normalised(text(cell) or "")]
        except KeyError:
            raise BadCellError("unknown value") from None

    def conta(self, cell: object, natureza: str) -> str:
        """The account by its known name. An accepted unknown one keeps its own."""
        own = text(cell)
        if own is None or not own.strip():
            raise BadCellError("blank")
        name = self._known_contas.get(normalised(own))
        if name is None:
            if "known_values" not in self.accepted:
                raise BadCellError("unknown value")
            return own
        if NATUREZA_OF_CONTA[name] != natureza and "natureza_matches_conta" not in self.accepted:
            raise BadCellError("wrong Natureza")
        return name

    @staticmethod
    def optional_number(cell: object) -> str | None:
        return None if is_blank(cell) else amount_text(cell)

    @staticmethod
    def optional_integer(cell: object) -> str | None:
        if is_blank(cell):
            return None
        whole = number_text(cell)
        if not whole.isdigit():
            raise BadCellError("the number is not a whole one")
        if int(whole) > LARGEST_ID:
            raise BadCellError("the number is larger than any id can be")
        return whole

    def problems_of(self, row: int, cells: Sequence[object], positions: Mapping[str, int]) -> list[Problem]:
        """Every broken rule of an invalid row, one entry a cell."""
        found = []
        for column in EXPORT_COLUMNS:
            position = positions[column.header]
            value = cells[position] if position < len(cells) else None
            mark = self.marked.get((row, position + 1))
            problem = (
                Problem(
                    column=column.header,
                    value=value,
                    rule="literal",
                    reason=f"the cell is {mark}, not a typed value",
                )
                if mark
                else self._problem(column.kind, column.header, column.required, value=value)
            )
            if problem is not None:
                found.append(problem)
        return found or self._pair_problem(cells, positions)

    def _problem(self, kind: str, header: str, required: bool, value: object) -> Problem | None:
        blank = is_blank(value)
        if required and blank:
            return Problem(column=header, value=value, rule="required", reason="the cell is blank")
        if blank:
            return None
        try:
            match kind:
                case "amount" | "percent":
                    amount_text(value)
                case "integer":
                    self.optional_integer(value)
                case "period":
                    period_month(value)
                case _:
                    text(value)
        except BadCellError as error:
            return Problem(column=header, value=value, rule=kind, reason=str(error))
        return self._unknown(header, value)

    def _unknown(self, header: str, value: object) -> Problem | None:
        if header == "Periodo" and not self.first <= period_month(value) <= self.last:
            reason = f"the month lies outside the window {self.first[:7]} to {self.last[:7]}"
            return Problem(
                column=header, value=value, rule="window", reason=reason, guard="period_inside_window"
            )
        known = {
            "Relatorio": self._known_reports,
            "Natureza": self._known_naturezas,
            "ContaResumo": self._known_contas,
        }.get(header)
        if known is None or normalised(text(value) or "") in known:
            return None
        if header == "ContaResumo" and "known_values" in self.accepted:
            return None
        reason = f"the value is none of {', '.join(known.values())}"
        return Problem(column=header, value=value, rule="known value", reason=reason, guard="known_values")

    def _pair_problem(self, cells: Sequence[object], positions: Mapping[str, int]) -> list[Problem]:
        conta, natureza = cells[positions["ContaResumo"]], cells[positions["Natureza"]]
        reason = f"the account {conta!s} may not carry this Natureza"
        return [
            Problem(
                column="Natureza",
                value=natureza,
                rule="Natureza of ContaResumo",
                reason=reason,
                guard="natureza_matches_conta",
            )
        ]


def is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def text(cell: object) -> str | None:
    """A text cell as it is stored: NFC, None when empty. Raises BadCellError for any other type."""
    if not isinstance(cell, str):
        if cell is None:
            return None
        raise BadCellError(f"the cell holds a {_type_name(cell)}, not a text")
    if len(cell) > LONGEST_TEXT:
        raise BadCellError(f"the text has {len(cell)} characters; {LONGEST_TEXT} are allowed")
    if _HALF.search(cell):
        raise BadCellError("the text holds half of a surrogate pair, which is no character")
    return unicodedata.normalize("NFC", cell).translate(_UNSTORABLE) or None


def number_text(cell: object) -> str:
    """A numeric cell as exact decimal text without trailing zeros: the shortest text of its double.

    Raises BadCellError for a text, however much it looks like a number.
    """
    if type(cell) is float:
        shortest = repr(cell)
        if shortest[-2:] == ".0":
            return "0" if cell == 0 else shortest[:-2]
        if "e" not in shortest and "n" not in shortest:
            return shortest
        if not math.isfinite(cell):
            raise BadCellError("the number is not finite")
        return format(Decimal(shortest), "f")
    if type(cell) is int:
        return str(cell)
    raise BadCellError(f"the cell holds a {_type_name(cell)}, not a number")


def amount_text(cell: object) -> str:
    """An amount as `number_text` gives it, and of a size that the table's decimal(15, 2) can hold."""
    exact = number_text(cell)
    if abs(float(exact)) >= LARGEST_AMOUNT:
        raise BadCellError("the number does not fit into decimal(15,2)")
    if len(exact) > LONGEST_NUMBER:
        raise BadCellError(f"the number has {len(exact.lstrip('-')) - 1} digits, more than any amount has")
    return exact


def period_month(cell: object) -> str:
    """`8/2025` as `2025-08-01`. Raises BadCellError for another type or form."""
    found = _PERIOD.fullmatch(cell) if isinstance(cell, str) else None
    if found is None:
        if not isinstance(cell, str):
            raise BadCellError(f"the cell holds a {_type_name(cell)}, not a text such as 8/2025")
        raise BadCellError("the text is no month such as 8/2025")
    return f"{found[2]}-{int(found[1]):02d}-01"


def _type_name(cell: object) -> str:
    names = {"str": "text", "float": "number", "int": "number", "bool": "logical value"}
    return names.get(type(cell).__name__, type(cell).__name__)
