"""The settings of the AIMindset backups: the project, how it is called, where archives are tried and kept."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import SecretStr

from sync_pipelines.settings.core import Settings
from sync_pipelines.settings.databases import Database
from sync_pipelines.settings.types import HeaderSecret, HttpsUrl, PostgresUrl, Retention


class AimindsetSettings(Settings):
    """What the system `aimindset` needs beyond what every system has."""

    aimindset_database_url: Annotated[
        PostgresUrl | None,
        Database(
            absent="the system aimindset is absent",
            migrated_if="aimindset_widen_backup_logs",
            makes_tables=False,
        ),
    ] = None
    aimindset_project_url: HttpsUrl | None = None
    aimindset_service_key: HeaderSecret | None = None
    aimindset_secrets_from: Literal["environment", "vault"] = "environment"
    aimindset_backup_by: Literal["connection", "rpc"] = "connection"
    aimindset_panel_log_types: bool = False
    aimindset_widen_backup_logs: bool = False
    aimindset_backup_may_change: str = ""
    aimindset_archive_retention: Retention = "7 daily, 4 weekly, 12 monthly, at least 3"
    archive_age_recipient: str | None = None
    archive_age_identity: SecretStr | None = None
    scratch_database_url: PostgresUrl | None = None
    backups_first_day: date = date(2026, 11, 1)

    @property
    def aimindset_url(self) -> str:
        """The project's database. Raises SettingsError when it is not set."""
        return self.require("aimindset_database_url")

    @property
    def project_url(self) -> str:
        """The project's endpoints. Raises SettingsError when they are not set."""
        return self.require("aimindset_project_url")
