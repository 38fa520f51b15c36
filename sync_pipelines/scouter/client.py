"""Gestão Scouter as the push and the reverse sync reach it: address, key and the time limits of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from sync_pipelines.lib import postgres, vault
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.schema.columns import DESTINATION, SOURCE
from sync_pipelines.settings import SettingsError
from sync_pipelines.settings.scouter import ScouterSettings

URL_SETTING = "GESTAO_SCOUTER_URL"
KEY_SETTING = "GESTAO_SCOUTER_SERVICE_KEY"
#: A bulk upsert that takes longer is tried again (contract, section 5).
LIMITS = Timeouts(connect=10.0, read=30.0, total=30.0)


@dataclass(frozen=True)
class GestaoScouter:
    """The project that leads go to. Without an address there is none yet, and only the test of the connection runs."""

    url: str | None
    rest_path: str = "/rest/v1"
    ca_bundle: Path | None = None
    #: The key of the environment; it wins over that of the Vault.
    key: str | None = field(default=None, repr=False)
    #: TabuladorMax's database, if the key is in its Vault.
    vault_url: str | None = field(default=None, repr=False)
    #: Of PostgrestClient, such as a test's transport or clock.
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_settings(cls, settings: ScouterSettings, **options: Any) -> Self:
        key = settings.gestao_scouter_service_key
        return cls(
            url=settings.gestao_scouter_url,
            rest_path=settings.gestao_scouter_rest_path,
            ca_bundle=settings.gestao_scouter_ca_bundle,
            key=key.get_secret_value().strip() if key is not None else None,
            vault_url=settings.tabuladormax_url if settings.gestao_scouter_secrets_from == "vault" else None,
            options=options,
        )

    @property
    def label(self) -> str:
        """The host, the key of last-synced states and schema reports: another project starts from nothing.

        Raises SettingsError if the address is not set.
        """
        if self.url is None:
            raise SettingsError(f"{URL_SETTING} is not set; see .env.example for what it should hold.")
        return urlsplit(self.url).netloc.rpartition("@")[2].lower()

    def client(self) -> PostgrestClient:
        """A client with the project's key. Raises PermanentError naming the setting that is missing."""
        if self.url is None:
            raise PermanentError(f"{URL_SETTING} is not set; see .env.example.")
        given: dict[str, Any] = {
            "path": self.rest_path,
            "name": DESTINATION,
            "url_setting": URL_SETTING,
            "ca_bundle": self.ca_bundle,
            "ca_setting": "GESTAO_SCOUTER_CA_BUNDLE",
            "timeouts": LIMITS,
        }
        return PostgrestClient(self.url, self.service_key(), **{**given, **self.options})

    def service_key(self) -> str:
        """The key, from the environment or else from the Vault of TabuladorMax.

        It is read for each client, so that a renewed key is used at once.
        """
        if self.key is not None:
            return self.key
        if self.vault_url is None:
            raise PermanentError(f"{KEY_SETTING} is not set; see .env.example.")
        names = (KEY_SETTING, KEY_SETTING.lower())
        with postgres.connect(self.vault_url, what=SOURCE, read_only=True) as connection:
            secrets = vault.read_vault(connection, names, what=SOURCE)
        return vault.one_of(secrets, names, what=SOURCE).strip()

    def known_key(self) -> str | None:
        """The key, or None if there is none: the test of the connection reports that itself."""
        try:
            return self.service_key()
        except SyncError:
            return None
