"""The settings of the toy system: one project database."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from sync_pipelines.settings.core import Settings
from sync_pipelines.settings.databases import Database
from sync_pipelines.settings.types import PostgresUrl


class ToySettings(Settings):
    """What the system `toy` needs beyond what every system has."""

    toy_database_url: Annotated[PostgresUrl | None, Database(absent="the system toy is absent")] = None
    toy_first_day: date = date(2026, 11, 1)

    @property
    def toy_url(self) -> str:
        """The project's database. Raises SettingsError when it is not set."""
        return self.require("toy_database_url")
