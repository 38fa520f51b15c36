"""Options of commands that systems bring along as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any, NamedTuple

import typer

_CHOSEN = f"{__name__}.chosen"


class Extra(NamedTuple):
    """An option `--FLAG` with what a function's parameter would say of it."""

    name: str
    flag: str
    kind: Any
    default: Any
    help: str


def parameters(options: Iterable[Extra]) -> list[Any]:
    """The parameters of a command for these options; `chosen` gives their values.

    Typer makes parameters from a signature: the options are those of a function that has no other use.
    """

    def command() -> None:
        pass

    command.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(
                option.name,
                Parameter.KEYWORD_ONLY,
                default=option.default,
                annotation=Annotated[
                    option.kind,
                    typer.Option(f"--{option.flag}", help=option.help, callback=_choose, expose_value=False),
                ],
            )
            for option in options
        ]
    )
    carrier = typer.Typer(add_completion=False)
    carrier.command()(command)
    return list(typer.main.get_command(carrier).params)


def chosen(ctx: typer.Context) -> Mapping[str, Any]:
    """The values of a command's extra options by name; those that nobody gave have their defaults."""
    given: Mapping[str, Any] = ctx.meta.get(_CHOSEN, {})
    return given


def _choose(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    ctx.meta.setdefault(_CHOSEN, {})[param.name] = value
    return value
