"""From the cells of the export to typed lines by month, or to rejects with their row.

Strict: the type of a cell decides, nothing is guessed. The loop handles valid rows only; `CellRules.problems_of` reads
an invalid row a second time and names every bad cell.

The key of a line is the md5 of its financial columns and its occurrence among equal lines: 520 rows of the real
export repeat another one exactly, and are real.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from hashlib import md5
from typing import NamedTuple

from sync_pipelines.hitss.dre.cells import BadCellError, CellRules, Lookup, Problem, amount_text
from sync_pipelines.hitss.dre.columns import EXPORT_COLUMNS, FINANCIAL, HEADERS, ORCADO, PEOPLE, REALIZADO
from sync_pipelines.lib.postgres.digest import SEPARATOR, Digest, canonical, digest_of

#: The order of a line's values, which is the order in which they are copied.
LINE_FIELDS = ("competencia", "line_hash", "occurrence", *FINANCIAL, *PEOPLE, "valor", "conta")

_RELATORIO, _NATUREZA, _LANCAMENTO = map(FINANCIAL.index, ("relatorio", "natureza", "lancamento"))
_PEOPLE = len(FINANCIAL)
_CENT = Decimal("0.01")
_EXACT = Context(prec=60)


class Line(NamedTuple):
    """A line as canonical texts. `values` holds FINANCIAL then PEOPLE, NULL as `digest.NULL`."""

    line_hash: bytes
    full_hash: bytes
    values: tuple[str, ...]
    valor: str
    conta: str


class Totals(NamedTuple):
    """Control totals of one report and Natureza: rows, the exact sum and the sum of rounded amounts."""

    rows: int
    exact: Decimal
    rounded: Decimal


@dataclass(frozen=True)
class MonthContent:
    """What a month holds, without its rows: enough to know whether it changed, and to prove a load.

    `realizado` and `orcado` are digests of the financial columns, `full` is of all columns that `dre_lines` keeps of
    both reports. The keys of `totals` are `report natureza`.
    """

    realizado: Digest
    orcado: Digest
    full: Digest
    totals: Mapping[str, Totals]

    def digest(self, report: str) -> Digest:
        """The financial columns of one report."""
        return self.realizado if report == REALIZADO else self.orcado

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


EMPTY_MONTH = MonthContent(realizado=Digest(), orcado=Digest(), full=Digest(), totals={})


class Reject(NamedTuple):
    """A row that could not be used: its number in the sheet, what is wrong, its raw cells in the order of HEADERS."""

    row: int
    month: str | None
    problems: tuple[Problem, ...]
    raw: tuple[object, ...]


@dataclass
class ParsedExport:
    """The whole export: lines by month key (`2025-08-01`), rejects, and the number of rows that were read."""

    rows_read: int = 0
    lines: dict[str, list[Line]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    def contents(self) -> dict[str, MonthContent]:
        return {month: content_of(lines) for month, lines in self.lines.items()}

    def rows(self, month: str) -> Iterable[tuple[str, ...]]:
        """The values of LINE_FIELDS of a month's lines, with their occurrence numbers.

        Sorted, so that copies which differ in people columns get the same number whatever the file's order.
        """
        previous, occurrence = b"", 0
        for line in sorted(self.lines.get(month, ()), key=_identity):
            occurrence = occurrence + 1 if line.line_hash == previous else 1
            previous = line.line_hash
            yield (month, previous.hex(), str(occurrence), *line.values, line.valor, line.conta)


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

    `positions` gives each header's index in a row; `rules` knows the window and what was accepted. Empty rows are
    skipped, and not counted as read.
    """
    parsed = ParsedExport()
    lookups = rules.lookups()
    at = {column.name: positions[column.header] for column in EXPORT_COLUMNS}
    # Amounts hardly ever repeat: a cache of them would cost more than reading them.
    columns = [(lookups[name], at[name]) for name in (*FINANCIAL, *PEOPLE) if name != "lancamento"]
    lancamento = at["lancamento"]
    months, contas = Lookup(rules.month), Lookup(lambda pair: rules.conta(*pair))
    period, account = at["periodo"], at["conta_resumo"]
    read = set(positions.values())
    marked = {row for row, column in rules.marked if column - 1 in read}
    for number, cells in enumerate(rows, first_row):
        try:
            values = [lookup[cells[position]] for lookup, position in columns]
            values.insert(_LANCAMENTO, amount_text(cells[lancamento]))
            month = months[cells[period]]
            conta = contas[cells[account], values[_NATUREZA]]
            if number in marked:
                raise BadCellError("not a plain value")
        except (BadCellError, TypeError, IndexError):
            if number in marked or any(cell is not None and cell != "" for cell in cells):
                parsed.rejects.append(_rejected(rules, number, cells, positions=positions))
                parsed.rows_read += 1
            continue
        digest = md5(SEPARATOR.join(values[:_PEOPLE]).encode(), usedforsecurity=False)
        line_hash = digest.digest()
        valor = rounded(values[_LANCAMENTO])
        digest.update(SEPARATOR.join(("", *values[_PEOPLE:], valor, conta)).encode())
        line = Line(
            line_hash=line_hash, full_hash=digest.digest(), values=tuple(values), valor=valor, conta=conta
        )
        if (lines := parsed.lines.get(month)) is None:
            lines = parsed.lines[month] = []
        lines.append(line)
        parsed.rows_read += 1
    return parsed


def _rejected(rules: CellRules, number: int, cells: Sequence[object], positions: Mapping[str, int]) -> Reject:
    raw = tuple(cells[positions[header]] if positions[header] < len(cells) else None for header in HEADERS)
    month = rules.month_or_none(raw[HEADERS.index("Periodo")])
    return Reject(
        row=number, month=month, problems=tuple(rules.problems_of(number, cells, positions)), raw=raw
    )


def rounded(amount: str) -> str:
    """An exact amount with at most two decimals, ties away from zero, as Postgres rounds a numeric.

    The result is canonical: without trailing zeros.
    """
    _, _, decimals = amount.partition(".")
    if len(decimals) <= 2:
        return amount
    return canonical(Decimal(amount).quantize(_CENT, ROUND_HALF_UP)) or "0"


def content_of(lines: Sequence[Line]) -> MonthContent:
    """A month's digests and control totals."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.values[_RELATORIO], line.values[_NATUREZA]), []).append(line)
    with localcontext(_EXACT):
        totals = {
            f"{report} {natureza}": Totals(
                len(group),
                sum((Decimal(line.values[_LANCAMENTO]) for line in group), Decimal(0)),
                sum((Decimal(line.valor) for line in group), Decimal(0)),
            )
            for (report, natureza), group in sorted(groups.items())
        }
    by_report = {
        wanted: digest_of(line.line_hash for line in lines if line.values[_RELATORIO] == wanted)
        for wanted in (REALIZADO, ORCADO)
    }
    return MonthContent(
        realizado=by_report[REALIZADO],
        orcado=by_report[ORCADO],
        full=digest_of(line.full_hash for line in lines),
        totals=totals,
    )
