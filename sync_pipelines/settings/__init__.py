"""Every setting, read once from the environment (and `.env`), validated, explained in a sentence.

The names are those of `.env.example`; a test holds the two together. Secrets are registered with the
redactor as they are read, so that nothing which logs later can print them.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from sync_pipelines.lib import redaction
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.lib.storage.object_store import ObjectStore
from sync_pipelines.settings.operations import OperationsSettings
from sync_pipelines.settings.scouter import ScouterSettings

#: Parameters of upstream URLs that say what is asked and not who asks: masking them would only spoil the logs.
HARMLESS_PARAMETERS = frozenset(
    {"visaoFiltro", "telaFiltro", "filtroDeFiltro", "filtroAteFiltro", "host", "port", "sslmode"}
)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
POSTGRES_SCHEMES = {"postgresql", "postgres"}
_BUCKET = re.compile(r"s3://[\w.-]+(/(?!\.+(/|$))[\w.-]+)*/?")


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names the variable and says what it should be."""


class Settings(ScouterSettings, OperationsSettings):
    """The environment as values. A field's name in upper case is its variable's name."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    sync_env: Literal["demo", "development", "production"] = "development"
    sync_timezone: str = "America/Sao_Paulo"
    landing_url: str = ".state/landing"
    landing_s3_endpoint: str | None = None
    landing_s3_region: str = "us-east-1"
    landing_s3_access_key: SecretStr | None = None
    landing_s3_secret_key: SecretStr | None = None
    ops_database_url: SecretStr | None = None
    dagster_pg_url: SecretStr | None = None

    fabricio_database_url: SecretStr | None = None
    hitss_download_url: SecretStr | None = None
    hitss_ca_bundle: Path | None = None
    hitss_first_month: str = Field("2016-09", pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    hitss_empresa: str = "HITSS"
    hitss_auth_mode: Literal["none", "basic", "login"] = "none"
    hitss_base_url: str | None = None
    hitss_username: SecretStr | None = None
    hitss_password: SecretStr | None = None
    hitss_secrets_from: Literal["environment", "vault"] = "environment"
    hitss_database_url: SecretStr | None = None
    hitss_mirror_mode: Literal["one_way", "two_way"] = "one_way"
    hitss_backup_retention: str = "7 daily, 4 weekly, 12 monthly, at least 3"

    aimindset_database_url: SecretStr | None = None
    aimindset_project_url: str | None = None
    aimindset_service_key: SecretStr | None = None
    aimindset_secrets_from: Literal["environment", "vault"] = "environment"
    aimindset_backup_by: Literal["connection", "rpc"] = "connection"
    aimindset_panel_log_types: bool = False
    aimindset_widen_backup_logs: bool = False
    aimindset_backup_may_change: str = ""
    aimindset_archive_retention: str = "7 daily, 4 weekly, 12 monthly, at least 3"
    archive_age_recipient: str | None = None
    archive_age_identity: SecretStr | None = None
    scratch_database_url: SecretStr | None = None
    backups_first_day: date = date(2026, 11, 1)

    @field_validator("sync_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not a time zone of the IANA database, such as America/Sao_Paulo")
        return value

    @field_validator(
        "ops_database_url",
        "dagster_pg_url",
        "fabricio_database_url",
        "hitss_database_url",
        "aimindset_database_url",
        "tabuladormax_database_url",
        "scratch_database_url",
    )
    @classmethod
    def _postgres_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        # Not urlsplit: it takes a bracket in a password for an IPv6 address.
        scheme = value.get_secret_value().partition("://")[0].split("+")[0]
        if scheme not in POSTGRES_SCHEMES:
            raise ValueError("must be a connection URL such as postgresql://user:password@host:5432/database")
        return value

    @field_validator("landing_url")
    @classmethod
    def _store(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"", "file", "s3"} or (parts.scheme == "s3" and not _BUCKET.fullmatch(value)):
            raise ValueError("must be a folder (a path or file://…) or s3://bucket/prefix")
        return value

    @field_validator("hitss_backup_retention", "aimindset_archive_retention")
    @classmethod
    def _retention(cls, value: str) -> str:
        Policy.parse(value)
        return value

    @field_validator("hitss_mirror_mode")
    @classmethod
    def _one_way(cls, value: str) -> str:
        if value == "two_way":
            raise ValueError(
                "is two_way, which does not exist yet: the mirror goes from fabricio to hitss only. Set it to one_way"
            )
        return value

    @field_validator(
        "landing_s3_endpoint",
        "aimindset_project_url",
        "hitss_base_url",
        "hitss_download_url",
        "gestao_scouter_url",
        "tabuladormax_project_url",
    )
    @classmethod
    def _https_address(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        try:
            parts = urlsplit(text or "https://unset")
        except ValueError:  # its message quotes the host, and what stands there may be a password
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a whole https:// address")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("is http:// to another machine; secrets travel with it, use https://")
        return value

    @field_validator("hitss_ca_bundle", "gestao_scouter_ca_bundle")
    @classmethod
    def _bundle_exists(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("names a file that does not exist; it should be a PEM file of CA certificates")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        for name in ("hitss_download_url", "hitss_base_url", "gestao_scouter_url"):
            value = getattr(self, name)
            host = urlsplit(self.require(name)).hostname if value is not None else None
            if self.sync_env == "production" and host in LOOPBACK:
                raise ValueError(
                    f"{name.upper()}: points at this machine (a sandbox), which SYNC_ENV=production refuses"
                )
        for name in ("landing_s3_access_key", "landing_s3_secret_key"):
            if self.landing_url.startswith("s3://") and getattr(self, name) is None:
                raise ValueError(f"{name.upper()}: is not set, and LANDING_URL is a bucket, which needs it")
        projects = ("fabricio", "hitss", "aimindset", "tabuladormax")
        if any(getattr(self, f"{name}_database_url") for name in projects) and self.ops_database_url is None:
            raise ValueError(
                "OPS_DATABASE_URL: is not set; proofs, rejects and the landing index need a database of ours"
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.sync_timezone)

    @property
    def landing_root(self) -> Path:
        """The store's folder, or the one that files pass through on their way to a bucket."""
        parts = urlsplit(self.landing_url)
        if parts.scheme == "s3":
            return Path(".state/landing-passage")
        return Path(parts.path if "://" in self.landing_url else self.landing_url)

    @property
    def landing_store(self) -> LandingStore:
        """Where landed files and archives are kept."""
        folder, parts = FolderStore(self.landing_root), urlsplit(self.landing_url)
        if parts.scheme != "s3":
            return folder
        keys = (self.require("landing_s3_access_key"), self.require("landing_s3_secret_key"))
        place = (parts.netloc, parts.path.strip("/"), self.landing_s3_endpoint, self.landing_s3_region)
        return ObjectStore(folder, *place, *keys)

    @property
    def first_month(self) -> date:
        return date.fromisoformat(f"{self.hitss_first_month}-01")

    @property
    def automation_is_on(self) -> bool:
        """Schedules and sensors start switched on where a person expects them to run by themselves."""
        return self.sync_env in {"production", "demo"}

    @property
    def is_demo(self) -> bool:
        return self.sync_env == "demo"

    def secrets(self) -> list[str]:
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def require(self, name: str) -> str:
        """The value of a setting that the caller cannot do without.

        Raises SettingsError with the variable's name when it is not set.
        """
        value = getattr(self, name)
        if value is None:
            raise SettingsError(f"{name.upper()} is not set; see .env.example for what it should hold.")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def read_settings(env_file: str | None = ".env", **overrides: object) -> Settings:
    """Read and validate the environment, and register its secrets with the redactor.

    Raises SettingsError: one line a wrong variable, without its value (it may be a secret).
    """
    try:
        settings = Settings(_env_file=env_file, **overrides)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            variable = ".".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{variable} {message}" if variable else message.replace(": ", " ", 1))
        raise SettingsError("; ".join(lines) + ".") from None
    for secret in settings.secrets():
        redaction.register(secret, harmless=HARMLESS_PARAMETERS)
    return settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read at first use."""
    return read_settings()
