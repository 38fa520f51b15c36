"""Every setting, read once from the environment (and `.env`), validated, explained in a sentence.

`core` has what every system has, and a file beside it what one system adds. `systems.read_settings` reads them all as
one object, which is each system's own class as well. The names are those of `.env.example`; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from pydantic import ValidationError

from sync_pipelines.lib import redaction
from sync_pipelines.settings.core import Settings, SettingsError

__all__ = ["Settings", "SettingsError", "read_as"]

Kind = TypeVar("Kind", bound=Settings)


def read_as(
    kind: type[Kind],
    env_file: str | None = ".env",
    *,
    harmless_parameters: Collection[str] | None = None,
    **overrides: object,
) -> Kind:
    """Read and validate the environment as one class of settings, and register its secrets with the redactor.

    Raises SettingsError: one line a wrong variable, without its value (it may be a secret).
    """
    try:
        settings = kind(_env_file=env_file, **overrides)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            variable = ".".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{variable} {message}" if variable else message.replace(": ", " ", 1))
        raise SettingsError("; ".join(lines) + ".") from None
    harmless = kind.harmless_parameters if harmless_parameters is None else harmless_parameters
    for secret in settings.secrets():
        redaction.register(secret, harmless=frozenset(harmless))
    return settings
