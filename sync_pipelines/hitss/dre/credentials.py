"""The address of the export and its login: from the environment, or from the Vault of the fabricio project.

The names in the Vault are those that the application used (contract of HITSS, section 1). The environment wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.lib import postgres, vault
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.settings import SettingsError, read_as
from sync_pipelines.settings.hitss import HitssSettings

AuthMode = Literal["none", "basic", "login"]

URL = "hitss_download_url"
BASE_URL = "hitss_base_url"
USERNAME = "hitss_username"
PASSWORD = "hitss_password"  # noqa: S105, it is the name of a setting
#: What a download needs, by mode.
NEEDED: Mapping[AuthMode, Sequence[str]] = {
    "none": (URL,),
    "basic": (URL, USERNAME, PASSWORD),
    "login": (URL, USERNAME, PASSWORD, BASE_URL),
}


@dataclass(frozen=True)
class Credentials:
    """What a download needs: the whole URL of the export, and what its mode needs besides."""

    mode: AuthMode
    url: str = field(repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    base_url: str = ""


@dataclass(frozen=True)
class CredentialSource:
    """Where the credentials are read from, at each download: a renewed secret counts from the next one on."""

    settings: HitssSettings = field(repr=False)

    def read(self) -> Credentials:
        """Raises PermanentError naming the setting, or the Vault's names, of what is missing or wrong."""
        settings = self.settings
        mode = settings.hitss_auth_mode
        missing = [name for name in NEEDED[mode] if getattr(settings, name) is None]
        if missing and settings.hitss_secrets_from == "vault":
            settings = _with_vault(settings, missing)
        elif missing:
            names = " and ".join(name.upper() for name in missing)
            raise PermanentError(f"{names} {'are' if missing[1:] else 'is'} not set; see .env.example.")
        values = {name: settings.require(name) for name in NEEDED[mode]}
        return Credentials(
            mode=mode,
            url=values[URL],
            username=values.get(USERNAME, ""),
            password=values.get(PASSWORD, ""),
            base_url=values.get(BASE_URL, ""),
        )


def vault_names(setting: str) -> list[str]:
    """The names that a secret may have in the Vault, the likeliest first."""
    names = [setting.upper(), *(["HITSS_LINK_DOWNLOAD"] if setting == URL else [])]
    return [*names, *(name.lower() for name in names)]


def _with_vault(settings: HitssSettings, missing: Sequence[str]) -> HitssSettings:
    """The settings with what the Vault has, validated like the environment."""
    asked = [name for setting in missing for name in vault_names(setting)]
    url = settings.fabricio_url
    with postgres.connect(url, what=FABRICIO, read_only=True) as connection:
        secrets = vault.read_vault(
            connection, asked, what=FABRICIO, harmless=HitssSettings.harmless_parameters
        )
    found = {
        setting: vault.one_of(secrets, vault_names(setting), what=FABRICIO).strip() for setting in missing
    }
    try:
        return read_as(HitssSettings, None, **(settings.model_dump() | found))
    except SettingsError as error:
        raise PermanentError(f"What the Vault of {FABRICIO} holds cannot be used: {error}") from None
