"""The table of all faults of the fake, and the register of those that are on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter, getdoc, signature
from threading import Lock
from typing import Any, Final, Literal

from sync_pipelines.sandbox.hitss import answers, auth, book_faults, mutations

Value = str | int | float | bool | None

# Where a fault acts, in the order of a request:
#   login  - replaces the answer of a login
#   auth   - before the download is authenticated
#   answer - replaces the normal answer; a request uses only the first one that is on
#   data   - the upstream's rows, before the window is cut out
#   rows   - the rows of the window
#   book   - the workbook made of them
#   body   - the finished bytes
#   delay  - seconds before the first byte, on top of the usual wait
Stage = Literal["login", "auth", "answer", "data", "rows", "book", "body", "delay"]


@dataclass(frozen=True)
class FaultKind:
    """One line of the table: where the fault acts, and the function that does and describes it."""

    stage: Stage
    act: Callable[..., Any]

    @property
    def summary(self) -> str:
        """What the fault does, in a sentence."""
        return (getdoc(self.act) or "").split("\n\n", maxsplit=1)[0].replace("\n", " ")

    @property
    def params(self) -> dict[str, Value]:
        """The parameters that a caller may set, with their defaults."""
        return {
            name: parameter.default
            for name, parameter in signature(self.act).parameters.items()
            if parameter.default is not Parameter.empty
        }


FAULTS: Final[dict[str, FaultKind]] = {
    "login_page": FaultKind("login", auth.login_page),
    "login_status": FaultKind("login", auth.login_status),
    "token_expired": FaultKind("auth", auth.token_expired),
    "slow": FaultKind("delay", answers.slow),
    "hang": FaultKind("answer", answers.hang),
    "bad_gateway": FaultKind("answer", answers.bad_gateway),
    "status": FaultKind("answer", answers.status),
    "unauthorized": FaultKind("answer", answers.unauthorized),
    "reset": FaultKind("answer", answers.reset),
    "truncated": FaultKind("answer", answers.truncated),
    "html_login": FaultKind("answer", answers.html_login),
    "octet_stream": FaultKind("answer", answers.octet_stream),
    "empty_body": FaultKind("answer", answers.empty_body),
    "legacy_xls": FaultKind("answer", answers.legacy_xls),
    "too_large": FaultKind("answer", answers.too_large),
    "truncated_zip": FaultKind("body", answers.truncated_zip),
    "zip_bomb": FaultKind("body", answers.zip_bomb),
    "area_head_changed": FaultKind("data", mutations.area_head_changed),
    "employee_renamed": FaultKind("data", mutations.employee_renamed),
    "orcado_restated": FaultKind("data", mutations.orcado_restated),
    "realizado_restated": FaultKind("data", mutations.realizado_restated),
    "new_month": FaultKind("data", mutations.new_month),
    "project_vanished": FaultKind("data", mutations.project_vanished),
    "month_vanished": FaultKind("data", mutations.month_vanished),
    "doubled_postings": FaultKind("data", mutations.doubled_postings),
    "shrunk": FaultKind("rows", mutations.shrunk),
    "nfd_accents": FaultKind("rows", mutations.nfd_accents),
    "header_only": FaultKind("rows", mutations.header_only),
    "future_month": FaultKind("rows", mutations.future_month),
    "bad_periodo": FaultKind("rows", mutations.bad_periodo),
    "numeric_periodo": FaultKind("rows", mutations.numeric_periodo),
    "text_amounts": FaultKind("rows", mutations.text_amounts),
    "blank_amount": FaultKind("rows", mutations.blank_amount),
    "unknown_relatorio": FaultKind("rows", mutations.unknown_relatorio),
    "unknown_natureza": FaultKind("rows", mutations.unknown_natureza),
    "unknown_conta": FaultKind("rows", mutations.unknown_conta),
    "natureza_conta_mismatch": FaultKind("rows", mutations.natureza_conta_mismatch),
    "formula": FaultKind("book", book_faults.formula),
    "error_cell": FaultKind("book", book_faults.error_cell),
    "date_periodo": FaultKind("book", book_faults.date_periodo),
    "second_sheet": FaultKind("book", book_faults.second_sheet),
    "renamed_sheet": FaultKind("book", book_faults.renamed_sheet),
    "extra_column": FaultKind("book", book_faults.extra_column),
    "missing_column": FaultKind("book", book_faults.missing_column),
    "renamed_column": FaultKind("book", book_faults.renamed_column),
    "reordered_columns": FaultKind("book", book_faults.reordered_columns),
    "duplicate_column": FaultKind("book", book_faults.duplicate_column),
    "stray_last_row": FaultKind("book", book_faults.stray_last_row),
    "stray_far_column": FaultKind("book", book_faults.stray_far_column),
    "million_empty_rows": FaultKind("book", book_faults.million_empty_rows),
}


@dataclass(frozen=True)
class Chosen:
    """A fault with its parameters, as one request uses it."""

    name: str
    params: tuple[tuple[str, Value], ...] = ()

    @property
    def kind(self) -> FaultKind:
        """The line of the table."""
        return FAULTS[self.name]

    def __call__(self, *subject: Any) -> Any:
        """Do it."""
        return self.kind.act(*subject, **dict(self.params))


@dataclass
class _Active:
    chosen: Chosen
    left: int | None


@dataclass
class FaultRegister:
    """The faults that are on: each stays until it is cleared, or until it has been used `times` times."""

    _active: list[_Active] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, name: str, times: int | None = None, params: Mapping[str, Value] | None = None) -> None:
        """Switch a fault on; ValueError in a sentence for an unknown name, parameter or count."""
        if name not in FAULTS:
            raise ValueError(f"There is no fault {name!r}. Known: {', '.join(sorted(FAULTS))}.")
        known = FAULTS[name].params
        unknown = sorted(set(params or {}) - set(known))
        if unknown:
            raise ValueError(
                f"The fault {name} has no parameter {', '.join(unknown)}. Known: {', '.join(known)}."
            )
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError(f"times must be 1 or more, or absent for ever; got {times}.")
        with self._lock:
            self._active.append(_Active(Chosen(name, tuple(sorted((params or {}).items()))), times))

    def add_described(self, description: Any) -> None:
        """Switch on `{"name": ..., "times": n, ...parameters}`, which is what the control endpoint takes."""
        if not isinstance(description, dict):
            raise ValueError('A fault is described by an object such as {"name": "reset", "times": 1}.')
        params = {key: value for key, value in description.items() if key not in ("name", "times")}
        self.add(str(description.get("name")), description.get("times"), params)

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._active.clear()

    def take(self) -> list[Chosen]:
        """The faults of one request; each is used once by it.

        Of those that replace the answer only the first is used. If it answers without a workbook, the faults of the
        workbook are not used: they wait for a request that needs one.
        """
        with self._lock:
            answer = next((one for one in self._active if one.chosen.kind.stage == "answer"), None)
            early = answer is not None and not getattr(answer.chosen.kind.act, "needs_workbook", False)
            used = [
                one
                for one in self._active
                if one is answer
                or one.chosen.kind.stage == "delay"
                or (one.chosen.kind.stage not in ("login", "auth", "answer") and not early)
            ]
            return self._use(used)

    def take_first(self, stage: Stage) -> Chosen | None:
        """The first fault of an early stage, which is used once by it."""
        with self._lock:
            found = [one for one in self._active if one.chosen.kind.stage == stage][:1]
            return next(iter(self._use(found)), None)

    def _use(self, used: list[_Active]) -> list[Chosen]:
        for one in used:
            one.left = None if one.left is None else one.left - 1
        self._active = [one for one in self._active if one.left != 0]
        return [one.chosen for one in used]

    def listing(self) -> list[dict[str, Any]]:
        """The faults that are on, for the state endpoint."""
        with self._lock:
            return [
                {"name": one.chosen.name, "left": one.left, "params": dict(one.chosen.params)}
                for one in self._active
            ]
