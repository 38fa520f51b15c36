"""The settings of the SprintHub leads: their destination, the API of the CRM and its patience, the webhook."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator

from sync_pipelines.lib.time_zones import is_time_zone
from sync_pipelines.settings.core import Settings
from sync_pipelines.settings.databases import Database
from sync_pipelines.settings.types import CaBundle, HeaderSecret, HttpsUrl, PostgresUrl, Upstream

#: A cron line is tried from some moment; which one does not matter.
_ANY_MOMENT = datetime(2025, 1, 1, tzinfo=UTC)
_INSTANCE = re.compile(r"[\w.-]+", re.ASCII)
#: Names of objects and numbers of list items, such as `lead.id` or `data.0.id`.
_PATH = re.compile(r"[\w-]+(\.[\w-]+)*")


def _is_dagsters(cron: str) -> bool:
    """Whether Dagster reads a cron line too: a schedule that it refuses takes the definitions of all systems with it.

    It knows no field of seconds, no last weekday (`5L`) and no last working day (`LW`).
    """
    fields = cron.upper().split()
    return len(fields) == 5 and "W" not in fields[2] and "L" not in fields[4]


def _also(name: str) -> AliasChoices:
    """The variable by our name, or by the name that the application gave it."""
    return AliasChoices(name, f"VITE_{name}")


class SprinthubSettings(Settings):
    """What the system `sprinthub` needs beyond what every system has."""

    oficialmed_database_url: Annotated[
        PostgresUrl | None, Database(absent="the system sprinthub is absent")
    ] = None
    sprinthub_base_url: Annotated[HttpsUrl | None, Upstream()] = Field(
        None, validation_alias=_also("SPRINTHUB_BASE_URL")
    )
    sprinthub_api_token: HeaderSecret | None = Field(None, validation_alias=_also("SPRINTHUB_API_TOKEN"))
    sprinthub_instance: str | None = Field(None, validation_alias=_also("SPRINTHUB_INSTANCE"))
    sprinthub_ca_bundle: CaBundle | None = None
    sprinthub_rate_per_minute: int = Field(85, ge=0)
    sprinthub_in_flight: int = Field(10, ge=1, le=64)
    sprinthub_page_size: int = Field(100, ge=1, le=1000)
    sprinthub_cron: str = "0 6 * * *"
    sprinthub_timezone: str = "UTC"
    sprinthub_refresh_days: int = Field(30, ge=1)
    sprinthub_gate_hours: int = Field(0, ge=0)
    sprinthub_webhook: bool = False
    sprinthub_webhook_path: str = Field("/webhooks/sprinthub", pattern=r"^/[\w./-]+$")
    sprinthub_webhook_secret: SecretStr | None = None
    #: Where the lead's number stands in a call of the webhook: the first of these paths that leads to a value counts.
    sprinthub_webhook_lead_id: str = "lead.id"
    sprinthub_webhook_retention_days: int = Field(30, ge=1)

    @field_validator("sprinthub_base_url", mode="before")
    @classmethod
    def _with_scheme(cls, value: Any) -> Any:
        """The application's variable holds the host alone."""
        return f"https://{value}" if isinstance(value, str) and "://" not in value else value

    @field_validator("sprinthub_base_url")
    @classmethod
    def _alone(cls, value: str | None) -> str | None:
        """What follows the path would swallow the paths of the calls, and each would be answered as not found."""
        if value is not None and (urlsplit(value).query or urlsplit(value).fragment):
            raise ValueError(
                "must end with the host or a path; the instance and the token have variables of their own"
            )
        return value

    @field_validator("sprinthub_instance")
    @classmethod
    def _name(cls, value: str | None) -> str | None:
        if value is not None and not _INSTANCE.fullmatch(value):
            raise ValueError(
                "must be the tenant's name alone (letters, digits, dots and dashes), not an address"
            )
        return value

    @field_validator("sprinthub_cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        from cronsim import CronSim, CronSimError  # not for `--help`

        try:
            CronSim(value, _ANY_MOMENT)
        except CronSimError:
            is_known = False
        else:
            is_known = _is_dagsters(value)
        if not is_known:
            raise ValueError("is not a cron line of five fields, such as 0 6 * * *")
        return value

    @field_validator("sprinthub_timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if not is_time_zone(value):
            raise ValueError("is not a time zone of the IANA database, such as UTC")
        return value

    @field_validator("sprinthub_webhook_lead_id")
    @classmethod
    def _paths(cls, value: str) -> str:
        paths = [one.strip() for one in value.split(",")]
        if not all(map(_PATH.fullmatch, paths)):
            raise ValueError("must be dotted paths such as lead.id or data.0.id, with commas between")
        return ",".join(paths)

    @property
    def webhook_lead_id_paths(self) -> tuple[tuple[str, ...], ...]:
        """The paths to the lead's number, each as its steps, in the order in which they are tried."""
        return tuple(tuple(path.split(".")) for path in self.sprinthub_webhook_lead_id.split(","))

    @property
    def oficialmed_url(self) -> str:
        """The project that the leads are written to. Raises SettingsError when it is not set."""
        return self.require("oficialmed_database_url")

    @property
    def base_url(self) -> str:
        """The CRM's API, without a slash at the end. Raises SettingsError when it is not set."""
        return self.require("sprinthub_base_url").rstrip("/")

    @property
    def api_token(self) -> str:
        """Raises SettingsError when it is not set."""
        return self.require("sprinthub_api_token")

    @property
    def instance(self) -> str:
        """The tenant. Raises SettingsError when it is not set."""
        return self.require("sprinthub_instance")
