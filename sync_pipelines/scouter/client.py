"""The client of Gestão Scouter's REST API: address, key and the time limits of the contract."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sync_pipelines.lib import postgres, vault
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.schema.columns import DESTINATION, SOURCE
from sync_pipelines.settings.scouter import ScouterSettings

URL_SETTING = "GESTAO_SCOUTER_URL"
KEY_SETTING = "GESTAO_SCOUTER_SERVICE_KEY"
#: A bulk upsert that takes longer is tried again (contract, section 5).
LIMITS = Timeouts(connect=10.0, read=30.0, total=30.0)


def gestao_client(settings: ScouterSettings, **options: Any) -> PostgrestClient:
    """A client with the project's key; `options` are those of PostgrestClient, such as a test's transport or clock.

    Raises PermanentError naming the setting that is missing.
    """
    if settings.gestao_scouter_url is None:
        raise PermanentError(f"{URL_SETTING} is not set; see .env.example.")
    given = {
        "path": settings.gestao_scouter_rest_path,
        "name": DESTINATION,
        "url_setting": URL_SETTING,
        "ca_bundle": settings.gestao_scouter_ca_bundle,
        "ca_setting": "GESTAO_SCOUTER_CA_BUNDLE",
        "timeouts": LIMITS,
    }
    return PostgrestClient(settings.gestao_scouter_url, service_key(settings), **(given | options))


def service_key(settings: ScouterSettings) -> str:
    """The key, from the environment or else from the Vault of TabuladorMax.

    It is read for each client, so that a renewed key is used at once.
    """
    if settings.gestao_scouter_service_key is not None:
        return settings.gestao_scouter_service_key.get_secret_value().strip()
    if settings.gestao_scouter_secrets_from != "vault":
        raise PermanentError(f"{KEY_SETTING} is not set; see .env.example.")
    names = (KEY_SETTING, KEY_SETTING.lower())
    url = settings.tabuladormax_url
    with postgres.connect(url, what=SOURCE, read_only=True) as connection:
        secrets = vault.read_vault(connection, names, what=SOURCE)
    return vault.one_of(secrets, names, what=SOURCE).strip()


def known_key(settings: ScouterSettings) -> str | None:
    """The key, or None if there is none: the test of the connection reports that itself."""
    try:
        return service_key(settings)
    except SyncError:
        return None


def destination_label(settings: ScouterSettings) -> str:
    """The destination's host, the key of last-synced states and schema reports: another project starts from nothing."""
    return urlsplit(settings.gestao_scouter_address).netloc.rpartition("@")[2].lower()
