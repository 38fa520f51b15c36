"""Options that only some runs have: who takes them, and who refuses them in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sync_pipelines.cli.options import Extra, chosen, parameters
from sync_pipelines.cli.run_options import taken
from sync_pipelines.lib.runs import Run, Runner, RunOption, RunReport
from sync_pipelines.settings import SettingsError

NO_DATES: dict[str, str | None] = {"first": None, "last": None}


def load() -> Runner:
    return Runner(lambda *_, **__: RunReport())


MONTHS = Run("months", needs=(), load=load)
PARTS = Run(
    "parts",
    needs=(),
    load=load,
    options=(
        RunOption("numbers", flag="number", kind=int, help="A number."),
        RunOption("full", flag="full", kind=bool, help="All."),
    ),
    has_dates=False,
)
RUNS = [MONTHS, PARTS]


def test_a_run_gets_its_own_options_and_dates_only_where_it_has_any() -> None:
    dates = {"first": "2025-01", "last": None}
    assert taken(MONTHS, RUNS, given={"numbers": None, "full": False}, dates=dates) == dates
    assert taken(PARTS, RUNS, given={}, dates=NO_DATES) == {"numbers": [], "full": False}
    given = {"numbers": [7, 8], "full": True}
    assert taken(PARTS, RUNS, given=given, dates=NO_DATES) == given


@pytest.mark.parametrize(
    ("run", "given", "dates", "sentence"),
    [
        (MONTHS, {"numbers": [7]}, NO_DATES, "--number is no option of months; it is one of parts."),
        (MONTHS, {"full": True}, NO_DATES, "--full is no option of months; it is one of parts."),
        (PARTS, {}, {"first": None, "last": "2025-01"}, "--from and --to are no options of parts"),
    ],
)
def test_an_option_of_another_run_is_refused(
    run: Run, given: dict[str, Any], dates: dict[str, str | None], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        taken(run, RUNS, given=given, dates=dates)


@pytest.mark.parametrize(
    ("typed", "status", "values"),
    [
        ("", 0, {"numbers": None, "full": False}),
        ("--number 7 --number 8 --full", 0, {"numbers": [7, 8], "full": True}),
        ("--number seven", 2, {}),
    ],
)
def test_options_from_data_are_parsed_as_those_of_a_signature(
    typed: str, status: int, values: dict[str, Any]
) -> None:
    kinds = [("numbers", "number", list[int] | None, None), ("full", "full", bool, False)]
    extras = [
        Extra(name, flag=flag, kind=kind, default=default, help="Help.")
        for name, flag, kind, default in kinds
    ]
    seen: dict[str, Any] = {}

    class WithExtras(typer.core.TyperCommand):
        def get_params(self, ctx: Any) -> list[Any]:
            return [*super().get_params(ctx), *parameters(extras)]

    app = typer.Typer()

    @app.command(cls=WithExtras)
    def command(ctx: typer.Context) -> None:
        seen.update(chosen(ctx))

    result = CliRunner().invoke(app, typed.split())
    assert (result.exit_code, seen) == (status, values)
