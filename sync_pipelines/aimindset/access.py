"""How the project's endpoints are reached: their address, and the service key from the environment or the Vault."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from sync_pipelines.aimindset.client import ProjectClient, json_client
from sync_pipelines.aimindset.database import WHAT, connect
from sync_pipelines.lib import vault
from sync_pipelines.lib.http.json import JsonClient
from sync_pipelines.settings.aimindset import AimindsetSettings
from sync_pipelines.settings.core import SettingsError

#: The names under which the service key may stand in the project's Vault.
VAULT_NAMES = ("AIMINDSET_SERVICE_KEY", "SUPABASE_SERVICE_ROLE_KEY")


@dataclass(frozen=True)
class ProjectAccess:
    """What is needed to reach the endpoints; the Vault is read at each use, so that a new key works at once."""

    database: str = field(repr=False)
    url: str | None
    service_key: str | None = field(repr=False)
    key_is_in_vault: bool
    http: Callable[[], JsonClient] = json_client
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_settings(cls, settings: AimindsetSettings) -> Self:
        key = settings.aimindset_service_key
        return cls(
            database=settings.aimindset_url,
            url=settings.aimindset_project_url,
            service_key=key.get_secret_value() if key else None,
            key_is_in_vault=key is None and settings.aimindset_secrets_from == "vault",
        )

    def require_url(self) -> str:
        """The address. Raises SettingsError if it is not set."""
        return _require(self.url, "AIMINDSET_PROJECT_URL")

    def open(self) -> ProjectClient:
        """The endpoints. Raises SettingsError for what is not set, and SyncError if the Vault does not answer."""
        url = self.require_url()
        if self.key_is_in_vault:
            with connect(self.database) as connection:
                secrets = vault.read_vault(connection, VAULT_NAMES, what=WHAT)
            key = vault.one_of(secrets, VAULT_NAMES, what=WHAT)
        else:
            key = _require(self.service_key, "AIMINDSET_SERVICE_KEY")
        return ProjectClient(url=url, service_key=key, http=self.http, sleep=self.sleep)


def _require(value: str | None, name: str) -> str:
    if value is None:
        raise SettingsError(f"{name} is not set; see .env.example for what it should hold.")
    return value
