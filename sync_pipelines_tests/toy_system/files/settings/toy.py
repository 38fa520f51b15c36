"""The settings of the toy system: the project's database, the meter's API, and who may call the endpoint."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import SecretStr

from sync_pipelines.settings.core import Settings
from sync_pipelines.settings.databases import Database
from sync_pipelines.settings.types import HttpsUrl, PostgresUrl, Upstream


class ToySettings(Settings):
    """What the system `toy` needs beyond what every system has."""

    toy_database_url: Annotated[PostgresUrl | None, Database(absent="the system toy is absent")] = None
    toy_meter_url: Annotated[HttpsUrl | None, Upstream()] = None
    toy_meter_key: SecretStr | None = None
    toy_shared_secret: SecretStr | None = None
    toy_first_day: date = date(2026, 11, 1)

    @property
    def toy_url(self) -> str:
        """The project's database. Raises SettingsError when it is not set."""
        return self.require("toy_database_url")

    @property
    def meter_address(self) -> str:
        """The meter's API. Raises SettingsError when it is not set."""
        return self.require("toy_meter_url")

    @property
    def meter_key(self) -> str:
        """The key that the meter's API asks for. Raises SettingsError when it is not set."""
        return self.require("toy_meter_key")
