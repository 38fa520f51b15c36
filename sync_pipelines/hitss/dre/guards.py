"""What must hold of an export before it may replace what is baseline.

Each guard is a sentence when it stops something, and a name by which a person accepts the change knowingly
(`accept` in the run's config, `--accept` on the command line). A guard on the file stops everything; a
guard on a month stops that month. Orçado may be restated at any time: that is reported only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from sync_pipelines.hitss.dre.baseline import Baseline
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent, ParsedExport, Reject
from sync_pipelines.lib.failures import PermanentError

Guard = Literal[
    "single_sheet",
    "exact_header",
    "plausible_row_count",
    "few_rejects",
    "known_values",
    "natureza_matches_conta",
    "period_inside_window",
    "closed_months_present",
    "closed_months_unchanged",
    "plausible_month_size",
    "no_foreign_rows",
]
GUARDS: tuple[str, ...] = get_args(Guard)

#: The same for the users of the application, who read its log and the alerts in Portuguese.
EM_PORTUGUES: Mapping[Guard, str] = {
    "single_sheet": "A planilha não tem exatamente a aba esperada.",
    "exact_header": "O cabeçalho da planilha não é o das dezenove colunas conhecidas.",
    "plausible_row_count": "A planilha tem linhas de menos.",
    "few_rejects": "Linhas demais da planilha seriam rejeitadas.",
    "known_values": "A planilha traz valores desconhecidos.",
    "natureza_matches_conta": "Há contas com a Natureza trocada.",
    "period_inside_window": "Há períodos fora da janela pedida.",
    "closed_months_present": "Um mês fechado sumiu da planilha.",
    "closed_months_unchanged": "O Realizado de um mês fechado mudou.",
    "plausible_month_size": "Um mês aberto perdeu linhas demais do Realizado.",
    "no_foreign_rows": "Há linhas em dre_hitss que esta rotina não carregou.",
}

#: An export with fewer rows than this share of the published lines counts as cut, and so does a month.
PLAUSIBLE_SHARE = 0.9
#: An open month may lose this many rows whatever its size: small months are corrected too.
FEW_ROWS = 5
#: More rejected rows than this share mean another layout, not typing errors.
REJECTED_SHARE = 0.05
#: A month may be corrected for two months after its end; then it is closed.
OPEN_MONTHS = 2


@dataclass(frozen=True)
class Violation:
    """A guard that does not hold, and the sentence that says so."""

    guard: Guard
    sentence: str

    @property
    def portuguese(self) -> str:
        """What stopped and how to go on, with the English sentence as the detail."""
        aceite = f"Para aceitar a mudança, execute de novo com accept: [{self.guard}]."
        return f"{EM_PORTUGUES[self.guard]} Nada foi substituído. {aceite} Detalhe: {self.sentence}"

    def __str__(self) -> str:
        return f"{self.sentence} To accept it knowingly, run again with accept: [{self.guard}]."


class GuardError(PermanentError):
    """Guards on the whole file that do not hold."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(" ".join(str(violation) for violation in violations))
        self.violations = tuple(violations)

    @property
    def guards(self) -> str:
        """The names of the guards."""
        return ", ".join(dict.fromkeys(violation.guard for violation in self.violations))


@dataclass(frozen=True)
class Review:
    """The guards that stop the file, and those that stop single months."""

    file: tuple[Violation, ...] = ()
    months: Mapping[str, Violation] = field(default_factory=dict)

    def stop_if_refused(self) -> None:
        """Raise GuardError when a guard on the file does not hold."""
        if self.file:
            raise GuardError(self.file)


def closed_before(today: date) -> str:
    """The month key before which months are closed: those older than two months."""
    months = today.year * 12 + today.month - 1 - OPEN_MONTHS
    return date(months // 12, months % 12 + 1, 1).isoformat()


def review_rows(parsed: ParsedExport, baseline: Baseline, accepted: Collection[str]) -> tuple[Violation, ...]:
    """The guards on the whole file that need its rows."""
    found = [*_rejects(parsed), *_row_guards(parsed.rejects)]
    read, rejected = parsed.rows_read, len(parsed.rejects)
    return (*review_size(read, rejected, baseline, accepted=accepted), *_unless(found, accepted))


def review_size(
    read: int, rejected: int, baseline: Baseline, accepted: Collection[str]
) -> tuple[Violation, ...]:
    """The guards on the whole file that need only its counts, and the table it would replace."""
    return _unless([*_size(read, rejected, sum(baseline.lines.values())), *_foreign_rows(baseline)], accepted)


def review_foreign_rows(baseline: Baseline, accepted: Collection[str]) -> tuple[Violation, ...]:
    """The guard on the table that holds rows of others, which needs nothing of the file."""
    return _unless(_foreign_rows(baseline), accepted)


def _unless(found: Sequence[Violation], accepted: Collection[str]) -> tuple[Violation, ...]:
    return tuple(violation for violation in found if violation.guard not in accepted)


def review_months(
    contents: Mapping[str, MonthContent], baseline: Baseline, today: date, accepted: Collection[str]
) -> dict[str, Violation]:
    """The guards on single months: no closed one vanished or changed its Realizado, no open one lost much of it."""
    limit = closed_before(today)
    found: dict[str, Violation] = {}
    for month in sorted(baseline.lines):
        content = contents.get(month, EMPTY_MONTH)
        before = baseline.lost.get(month, baseline.changing.get(month))
        if not baseline.lines[month]:
            continue
        violation = (
            _closed(month, content, before, lines=baseline.lines[month])
            if month < limit
            else _open(month, content, before)
        )
        if violation and violation.guard not in accepted:
            found[month] = violation
    return found


def _closed(month: str, content: MonthContent, before: MonthContent | None, lines: int) -> Violation | None:
    if not content.full.rows:
        return Violation(
            "closed_months_present", f"{month[:7]} has {lines} published lines and none in the export."
        )
    if before is None or content.realizado == before.realizado:
        return None
    return Violation(
        "closed_months_unchanged",
        f"Realizado of the closed month {month[:7]} differs from what is published"
        f" ({before.realizado.rows} lines before, {content.realizado.rows} now).",
    )


def _open(month: str, content: MonthContent, before: MonthContent | None) -> Violation | None:
    """Months that may still be corrected: an export that is cut looks like a correction, but for its size."""
    was, now = (before.realizado.rows if before else 0), content.realizado.rows
    if now >= PLAUSIBLE_SHARE * was or (now and was - now <= FEW_ROWS):
        return None
    return Violation(
        "plausible_month_size",
        f"Realizado of {month[:7]} would go from {was} lines to {now}, fewer than 90 %.",
    )


def _foreign_rows(baseline: Baseline) -> list[Violation]:
    if not baseline.foreign_rows:
        return []
    return [
        Violation(
            "no_foreign_rows",
            f"dre_hitss holds {baseline.foreign_rows} rows that this pipeline did not load; beside the"
            " export they would be counted twice. Accepted, they are set aside in"
            " sync_private.dre_hitss_set_aside.",
        )
    ]


def _size(read: int, rejected: int, before: int) -> list[Violation]:
    usable = read - rejected
    if usable == 0:
        sentence = f"The export has no usable row ({read} were read)."
    elif usable < PLAUSIBLE_SHARE * before:
        sentence = f"The export has {usable} usable rows, fewer than 90 % of the {before} published lines."
    else:
        return []
    return [Violation("plausible_row_count", sentence)]


def _rejects(parsed: ParsedExport) -> list[Violation]:
    if len(parsed.rejects) <= REJECTED_SHARE * parsed.rows_read:
        return []
    problem = Counter((p.column, p.reason) for r in parsed.rejects for p in r.problems).most_common(1)[0]
    (column, reason), times = problem
    return [
        Violation(
            "few_rejects",
            f"{len(parsed.rejects)} of {parsed.rows_read} rows would be rejected, more than 5 %; most often"
            f" in column {column}, {times} times: {reason}.",
        )
    ]


def _row_guards(rejects: Sequence[Reject]) -> list[Violation]:
    """One violation a guard that single rows break, naming the first of them."""
    rows: dict[Guard, list[tuple[int, str, str]]] = {}
    for reject in rejects:
        for problem in reject.problems:
            for guard in get_args(Guard):
                if problem.guard == guard:
                    rows.setdefault(guard, []).append((reject.row, problem.column, problem.reason))
    return [
        Violation(
            guard,
            f"{len(found)} rows break a rule of the whole export, the first in row {found[0][0]}, column"
            f" {found[0][1]}: {found[0][2]}.",
        )
        for guard, found in rows.items()
    ]
