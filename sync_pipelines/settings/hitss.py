"""The settings of the DRE: the export of HITSS Control, the project that holds it, the project that mirrors it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import SecretStr, field_validator

from sync_pipelines.settings.core import Settings
from sync_pipelines.settings.databases import Database
from sync_pipelines.settings.types import (
    CaBundle,
    HttpsUrl,
    Month,
    PostgresUrl,
    Retention,
    SecretHttpsUrl,
    Upstream,
)


class HitssSettings(Settings):
    """What the system `hitss` needs beyond what every system has."""

    harmless_parameters: ClassVar[frozenset[str]] = Settings.harmless_parameters | {
        "visaoFiltro",
        "telaFiltro",
        "filtroDeFiltro",
        "filtroAteFiltro",
    }

    fabricio_database_url: Annotated[PostgresUrl | None, Database(absent="the system hitss is absent")] = None
    hitss_download_url: Annotated[SecretHttpsUrl | None, Upstream()] = None
    hitss_ca_bundle: CaBundle | None = None
    hitss_first_month: Month = "2016-09"
    hitss_empresa: str = "HITSS"
    hitss_auth_mode: Literal["none", "basic", "login"] = "none"
    hitss_base_url: Annotated[HttpsUrl | None, Upstream()] = None
    hitss_username: SecretStr | None = None
    hitss_password: SecretStr | None = None
    hitss_secrets_from: Literal["environment", "vault"] = "environment"
    hitss_database_url: Annotated[
        PostgresUrl | None, Database(absent="there is no mirror in a second project")
    ] = None
    hitss_mirror_mode: Literal["one_way", "two_way"] = "one_way"
    hitss_backup_retention: Retention = "7 daily, 4 weekly, 12 monthly, at least 3"
    backups_first_day: date = date(2026, 11, 1)

    @field_validator("hitss_mirror_mode")
    @classmethod
    def _one_way(cls, value: str) -> str:
        if value == "two_way":
            raise ValueError(
                "is two_way, which does not exist yet: the mirror goes from fabricio to hitss only. Set it to one_way"
            )
        return value

    @property
    def first_month(self) -> date:
        return date.fromisoformat(f"{self.hitss_first_month}-01")

    @property
    def fabricio_url(self) -> str:
        """The project that holds the DRE. Raises SettingsError when it is not set."""
        return self.require("fabricio_database_url")

    @property
    def mirror_url(self) -> str:
        """The project that mirrors the DRE. Raises SettingsError when it is not set."""
        return self.require("hitss_database_url")
