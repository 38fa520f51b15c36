"""Settings of what watches over all systems: alerts, growth, retention."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

if TYPE_CHECKING:  # psycopg, which `--help` must not wait for
    from sync_pipelines.lib.alerts import Channel
    from sync_pipelines.lib.mail import MailServer


class OperationsSettings(BaseSettings):
    """The part of the settings that belongs to no system."""

    alert_email_to: str | None = None
    alert_email_from: str | None = None
    smtp_url: SecretStr | None = None
    dagster_ui_url: str = "http://127.0.0.1:3000"
    database_limit_mb: int = Field(8192, gt=0)
    landing_limit_mb: int = Field(20480, gt=0)
    landing_retention_days: int = Field(400, gt=0)
    rejects_retention_days: int = Field(90, gt=0)

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("must be smtp://user:password@host:587 or smtps://user:password@host:465")
        return value

    @field_validator("dagster_ui_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"http", "https"}:
            raise ValueError("must be the address of the Dagster UI, such as https://dagster.example.com")
        return value

    @property
    def alert_recipients(self) -> list[str]:
        """The addresses that alerts go to."""
        return [address.strip() for address in (self.alert_email_to or "").split(",") if address.strip()]

    @property
    def mail_server(self) -> MailServer | None:
        """The server that takes alerts; None unless it and a recipient are set."""
        from sync_pipelines.lib.mail import MailServer

        known = self.alert_recipients
        if self.smtp_url is None or not known:
            return None
        return MailServer(self.smtp_url.get_secret_value(), self.alert_email_from or known[0])

    @property
    def alert_channels(self) -> list[Channel]:
        """The channels that every alert has: mail, where a server and recipients are set."""
        from sync_pipelines.lib.alerts import MailChannel

        server = self.mail_server
        return [MailChannel(server, self.alert_recipients)] if server is not None else []
