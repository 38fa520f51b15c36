"""The settings that every system has: environment, time zone, landing store, our own databases.

A system's settings are a subclass in a file beside this one; `read_settings` reads them all as one object.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from sync_pipelines.lib.runs import Installation
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.lib.storage.object_store import ObjectStore
from sync_pipelines.lib.time_zones import is_time_zone
from sync_pipelines.settings.databases import Database, databases_of
from sync_pipelines.settings.operations import OperationsSettings
from sync_pipelines.settings.types import LOOPBACK, HttpsUrl, PostgresUrl, Upstream

_BUCKET = re.compile(r"s3://[\w.-]+(/(?!\.+(/|$))[\w.-]+)*/?")


def _root(url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return Path(".state/landing-passage")
    return Path(parts.path if "://" in url else url)


class SettingsError(ValueError):
    """A setting is missing or wrong; the message names the variable and says what it should be."""


class Settings(OperationsSettings):
    """The environment as values. A field's name in upper case is its variable's name."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    #: Parameters of addresses that say what is asked and not who asks: masking them would only spoil the logs.
    harmless_parameters: ClassVar[frozenset[str]] = frozenset({"host", "port", "sslmode"})

    sync_env: Literal["demo", "development", "production"] = "development"
    sync_timezone: str = "America/Sao_Paulo"
    landing_url: str = ".state/landing"
    landing_s3_endpoint: HttpsUrl | None = None
    landing_s3_region: str = "us-east-1"
    landing_s3_access_key: SecretStr | None = None
    landing_s3_secret_key: SecretStr | None = None
    ops_database_url: Annotated[PostgresUrl | None, Database(is_a_projects=False)] = None
    dagster_pg_url: Annotated[PostgresUrl | None, Database(migrated=False, is_a_projects=False)] = None

    @field_validator("sync_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not is_time_zone(value):
            raise ValueError("is not a time zone of the IANA database, such as America/Sao_Paulo")
        return value

    @field_validator("landing_url")
    @classmethod
    def checked_store(cls, value: str) -> str:
        """The address of a store. Raises ValueError if it is neither a folder nor a bucket."""
        parts = urlsplit(value)
        if parts.scheme not in {"", "file", "s3"} or (parts.scheme == "s3" and not _BUCKET.fullmatch(value)):
            raise ValueError("must be a folder (a path or file://…) or s3://bucket/prefix")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        for name, field in type(self).model_fields.items():
            if any(isinstance(mark, Upstream) for mark in field.metadata):
                self._refuse_sandbox_in_production(name)
        for name in ("landing_s3_access_key", "landing_s3_secret_key"):
            if self.landing_url.startswith("s3://") and getattr(self, name) is None:
                raise ValueError(f"{name.upper()}: is not set, and LANDING_URL is a bucket, which needs it")
        projects = (one for one in databases_of(type(self)) if one.database.is_a_projects)
        if self.ops_database_url is None and any(one.url(self) for one in projects):
            raise ValueError(
                "OPS_DATABASE_URL: is not set; proofs, rejects and the landing index need a database of ours"
            )
        return self

    def _refuse_sandbox_in_production(self, name: str) -> None:
        if self.sync_env != "production" or getattr(self, name) is None:
            return
        if urlsplit(self.require(name)).hostname in LOOPBACK:
            raise ValueError(
                f"{name.upper()}: points at this machine (a sandbox), which SYNC_ENV=production refuses"
            )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.sync_timezone)

    @property
    def ops_url(self) -> str:
        """Our own database. Raises SettingsError when it is not set."""
        return self.require("ops_database_url")

    @property
    def landing_root(self) -> Path:
        """The store's folder, or the one that files pass through on their way to a bucket."""
        return _root(self.landing_url)

    @property
    def landing_store(self) -> LandingStore:
        """Where landed files and archives are kept."""
        return self.store_at(self.landing_url)

    def store_at(self, url: str) -> LandingStore:
        """The store at an address; the LANDING_S3_ settings are those of every bucket."""
        folder, parts = FolderStore(_root(url)), urlsplit(url)
        if parts.scheme != "s3":
            return folder
        return ObjectStore(
            folder,
            bucket=parts.netloc,
            prefix=parts.path.strip("/"),
            endpoint=self.landing_s3_endpoint,
            region=self.landing_s3_region,
            access_key=self.require("landing_s3_access_key"),
            secret_key=self.require("landing_s3_secret_key"),
        )

    @property
    def installation(self) -> Installation:
        """What runs of the command line use."""
        dagster, ops = self.dagster_pg_url, self.ops_database_url
        return Installation(
            store=self.landing_store,
            dagster_url=dagster.get_secret_value() if dagster else None,
            ops_url=ops.get_secret_value() if ops else None,
        )

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
        """The value of a setting that cannot be done without.

        For settings and the command line: a system reads the typed property of its class, such as `ops_url`.
        Raises SettingsError with the variable's name when it is not set.
        """
        value = getattr(self, name)
        if value is None:
            raise SettingsError(f"{name.upper()} is not set; see .env.example for what it should hold.")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
