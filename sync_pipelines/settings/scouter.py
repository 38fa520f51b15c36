"""The settings of the lead push and of the reverse sync."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from sync_pipelines.settings.core import Settings
from sync_pipelines.settings.databases import Database
from sync_pipelines.settings.types import CaBundle, HeaderSecret, HttpsUrl, PostgresUrl, Upstream


class ScouterSettings(Settings):
    """What the system `scouter` needs beyond what every system has."""

    tabuladormax_database_url: Annotated[
        PostgresUrl | None, Database(absent="the system scouter is absent")
    ] = None
    gestao_scouter_url: Annotated[HttpsUrl | None, Upstream()] = None
    gestao_scouter_rest_path: str = Field("/rest/v1", pattern=r"^/[\w./-]*$")
    gestao_scouter_service_key: HeaderSecret | None = None
    gestao_scouter_ca_bundle: CaBundle | None = None
    gestao_scouter_secrets_from: Literal["environment", "vault"] = "environment"
    scouter_batch_size: int = Field(50, ge=1, le=1000)
    scouter_in_flight: int = Field(4, ge=1, le=16)
    scouter_first_day: date = date(2025, 1, 1)
    scouter_hourly_push: bool = False
    scouter_error_retention_days: int = Field(90, ge=1)
    scouter_way_back: bool = False
    scouter_outbox: bool = False
    scouter_screen_origins: str = ""
    scouter_trusted_proxies: str = ""
    scouter_receiver_audience: str = Field("authenticated", min_length=1)
    scouter_webhook_secret: SecretStr | None = None
    scouter_inbox_retention_days: int = Field(30, ge=1)
    tabuladormax_jwt_secret: SecretStr | None = None
    tabuladormax_project_url: HttpsUrl | None = None

    @field_validator("scouter_trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        try:
            [ip_network(one) for one in map(str.strip, value.split(",")) if one]
        except ValueError:
            raise ValueError(
                "must be addresses or networks such as 10.0.0.0/8, with commas between"
            ) from None
        return value

    @property
    def tabuladormax_url(self) -> str:
        """The project that the leads come from. Raises SettingsError when it is not set."""
        return self.require("tabuladormax_database_url")
