"""From the cells of the export to typed lines by month, or to rejects with their row.

Strict: a cell is taken by its type and never guessed. The loop handles only rows that are right; a row that
is not is looked at a second time by `problems_of`, which names every bad cell.

A line's identity is the md5 of its financial columns plus its occurrence among equal lines: 520 rows of
the real export repeat another to the letter and are real.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from hashlib import md5
from typing import NamedTuple

from sync_pipelines.hitss.cells import BadCellError, CellRules, Problem, number_text
from sync_pipelines.hitss.columns import EXPORT_COLUMNS, FINANCIAL, ORCADO, PEOPLE, REALIZADO
from sync_pipelines.lib.proof import NULL, SEPARATOR, Digest, digest_of

#: The order of a line's values, which is the order in which they are copied.
LINE_FIELDS = ("competencia", "line_hash", "occurrence", *FINANCIAL, *PEOPLE, "valor", "conta")

_CENT = Decimal("0.01")
_EXACT = Context(prec=60)


class Line(NamedTuple):
    """A line as canonical texts. `values` holds FINANCIAL then PEOPLE; `valor` has two decimals."""

    line_hash: bytes
    full_hash: bytes
    values: tuple[str | None, ...]
    valor: str
    conta: str


class Totals(NamedTuple):
    """Control totals of one report and Natureza: rows, the exact sum and the sum of rounded amounts."""

    rows: int
    exact: Decimal
    rounded: Decimal


@dataclass(frozen=True)
class MonthContent:
    """What a month holds, without its rows: enough to know whether it changed and to prove a load.

    `realizado` and `orcado` digest the financial columns, `full` all columns of both reports. `totals` is
    keyed `report natureza`.
    """

    realizado: Digest
    orcado: Digest
    full: Digest
    totals: Mapping[str, Totals]

    def as_json(self) -> dict[str, object]:
        return {
            "realizado": str(self.realizado),
            "orcado": str(self.orcado),
            "full": str(self.full),
            "totals": {name: [t.rows, str(t.exact), str(t.rounded)] for name, t in self.totals.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> MonthContent:
        totals = data["totals"]
        assert isinstance(totals, dict)
        return cls(
            Digest.parse(str(data["realizado"])),
            Digest.parse(str(data["orcado"])),
            Digest.parse(str(data["full"])),
            {
                name: Totals(rows, Decimal(exact), Decimal(cents))
                for name, (rows, exact, cents) in totals.items()
            },
        )


EMPTY_MONTH = MonthContent(Digest(), Digest(), Digest(), {})


class Reject(NamedTuple):
    """A row that could not be used: its number in the sheet, what is wrong, and its raw cells."""

    row: int
    month: str | None
    problems: tuple[Problem, ...]
    raw: tuple[object, ...]


@dataclass
class ParsedExport:
    """The whole export: lines by month key (`2025-08-01`), rejects, and the rows that were read."""

    rows_read: int = 0
    lines: dict[str, list[Line]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    def contents(self) -> dict[str, MonthContent]:
        return {month: content_of(lines) for month, lines in self.lines.items()}

    def rows(self, month: str) -> Iterable[tuple[str | int | None, ...]]:
        """The values of LINE_FIELDS of a month's lines, with their occurrence numbers.

        Sorted, so that copies which differ in people columns get the same number whatever the file's order.
        """
        previous, occurrence = b"", 0
        for line in sorted(self.lines.get(month, ()), key=_identity):
            occurrence = occurrence + 1 if line.line_hash == previous else 1
            previous = line.line_hash
            yield (month, previous.hex(), occurrence, *line.values, line.valor, line.conta)


def _identity(line: Line) -> tuple[bytes, bytes]:
    return line.line_hash, line.full_hash


def parse_lines(
    rows: Iterable[Sequence[object]],
    positions: Mapping[str, int],
    rules: CellRules,
    *,
    first_row: int = 2,
) -> ParsedExport:
    """Validate data rows into lines and rejects.

    `positions` gives each header's index in a row; `rules` knows the window and what was accepted. Rows
    without any value are passed over, and not counted as read.
    """
    parsed = ParsedExport()
    texts, months, reports, naturezas, contas = rules.tables()
    at = {column.name: positions[column.header] for column in EXPORT_COLUMNS}
    financial = [at[name] for name in FINANCIAL]
    people = [at[name] for name in PEOPLE]
    index_of = {name: index for index, name in enumerate(FINANCIAL)}
    imposto, id_recurso, lancamento = (index_of[n] for n in ("imposto", "id_recurso", "lancamento"))
    typed = {imposto, id_recurso, lancamento, index_of["relatorio"], index_of["natureza"]}
    plain = [(index, position) for index, position in enumerate(financial) if index not in typed]
    for number, cells in enumerate(rows, first_row):
        try:
            amount = number_text(cells[at["lancamento"]])
            month = months[cells[at["periodo"]]]
            report = reports[cells[at["relatorio"]]]
            natureza = naturezas[cells[at["natureza"]]]
            conta = contas[cells[at["conta_resumo"]], natureza]
            values: list[str | None] = [None] * len(financial)
            for index, position in plain:
                values[index] = texts[cells[position]]
            values[index_of["relatorio"]] = report
            values[index_of["natureza"]] = natureza
            values[imposto] = rules.optional_number(cells[financial[imposto]])
            values[id_recurso] = rules.optional_integer(cells[financial[id_recurso]])
            values[lancamento] = amount
            persons = [texts[cells[position]] for position in people]
            rules.refuse_marked(number)
        except (BadCellError, TypeError, IndexError):
            _reject(parsed, rules, number, cells, positions)
            continue
        digest = md5(_joined(values), usedforsecurity=False)
        line_hash = digest.digest()
        digest.update(SEPARATOR.encode() + _joined(persons))
        line = Line(line_hash, digest.digest(), (*values, *persons), rounded(amount), conta)
        if (lines := parsed.lines.get(month)) is None:
            lines = parsed.lines[month] = []
        lines.append(line)
        parsed.rows_read += 1
    return parsed


def _joined(values: Iterable[str | None]) -> bytes:
    return SEPARATOR.join([NULL if value is None else value for value in values]).encode()


def _reject(
    parsed: ParsedExport, rules: CellRules, number: int, cells: Sequence[object], positions: Mapping[str, int]
) -> None:
    if all(cell is None or cell == "" for cell in cells):
        return
    parsed.rows_read += 1
    problems = rules.problems_of(number, cells, positions)
    period = cells[positions["Periodo"]] if positions["Periodo"] < len(cells) else None
    month = rules.month_or_none(period)
    parsed.rejects.append(Reject(number, month, tuple(problems), tuple(cells)))


def rounded(amount: str) -> str:
    """An exact amount with at most two decimals, ties away from zero, as Postgres rounds a numeric."""
    whole, _, decimals = amount.partition(".")
    if len(decimals) <= 2:
        return amount
    return str(Decimal(amount).quantize(_CENT, ROUND_HALF_UP))


def content_of(lines: Sequence[Line]) -> MonthContent:
    """A month's digests and control totals."""
    lancamento, natureza = FINANCIAL.index("lancamento"), FINANCIAL.index("natureza")
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(f"{line.values[0]} {line.values[natureza]}", []).append(line)
    totals = {
        name: Totals(
            len(group),
            _sum(str(line.values[lancamento]) for line in group),
            _sum(line.valor for line in group),
        )
        for name, group in sorted(groups.items())
    }
    return MonthContent(
        digest_of(line.line_hash for line in lines if line.values[0] == REALIZADO),
        digest_of(line.line_hash for line in lines if line.values[0] == ORCADO),
        digest_of(line.full_hash for line in lines),
        totals,
    )


def _sum(amounts: Iterable[str]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, Decimal(amount))
    return _EXACT.normalize(total) if total else Decimal(0)
