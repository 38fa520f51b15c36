"""Dagster's own variables, which it reads from the environment only, while our settings read `.env` as well."""

from __future__ import annotations

from collections.abc import MutableMapping

#: Without them a run of the command line would leave no history, though `.env` says where it is kept.
NAMES = ("DAGSTER_HOME", "DAGSTER_PG_URL", "DAGSTER_EVENT_BATCH_SIZE")


def take_from_file(environment: MutableMapping[str, str], env_file: str = ".env") -> None:
    """Add Dagster's variables of the file to the environment; what that sets already, also to nothing, stays."""
    from dotenv import dotenv_values

    said = dotenv_values(env_file, interpolate=False)
    for name in NAMES:
        value = said.get(name)
        if value and name not in environment:
            environment[name] = value
