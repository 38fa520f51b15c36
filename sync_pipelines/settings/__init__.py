"""Every setting, read once from the environment (and `.env`), validated, explained in a sentence.

`core` has what every system has, and a file beside it what one system adds; `read_settings` reads them as one object,
which is each system's own class as well. The names are those of `.env.example`; a test holds the two together.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TypeVar

from pydantic import ValidationError

from sync_pipelines import systems
from sync_pipelines.lib import redaction
from sync_pipelines.settings.core import Settings, SettingsError

__all__ = ["Settings", "SettingsError", "read_as", "read_settings", "settings", "whole_class"]

Kind = TypeVar("Kind", bound=Settings)


@cache
def whole_class() -> type[Settings]:
    """The class of an object that holds the settings of every system."""
    return type("WholeSettings", tuple(system.settings for system in systems.SYSTEMS), {})


def read_settings(env_file: str | None = ".env", **overrides: object) -> Settings:
    """Read and validate the environment for all systems, and register its secrets with the redactor.

    Raises SettingsError: one line a wrong variable, without its value (it may be a secret).
    """
    return read_as(whole_class(), env_file, **overrides)


def read_as(kind: type[Kind], env_file: str | None = ".env", **overrides: object) -> Kind:
    """The same for the settings of one system."""
    try:
        settings = kind(_env_file=env_file, **overrides)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            variable = ".".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{variable} {message}" if variable else message.replace(": ", " ", 1))
        raise SettingsError("; ".join(lines) + ".") from None
    harmless = frozenset[str]().union(*(system.settings.harmless_parameters for system in systems.SYSTEMS))
    for secret in settings.secrets():
        redaction.register(secret, harmless=harmless)
    return settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read at first use."""
    return read_settings()
