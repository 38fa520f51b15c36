"""Where the export is and who asks for it: from the environment, or from the Vault of the fabricio project.

Read when they are used, so that a secret which is renewed counts from the next download on. The names in the Vault
are those that the application used (contract of HITSS, section 1); what the environment sets wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sync_pipelines.hitss.dre.tables import PROJECT
from sync_pipelines.lib import postgres, vault
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.settings import SettingsError, read_as
from sync_pipelines.settings.hitss import HitssSettings

AuthMode = Literal["none", "basic", "login"]

URL = "hitss_download_url"
BASE_URL = "hitss_base_url"
USERNAME = "hitss_username"
PASSWORD = "hitss_password"  # noqa: S105, it is the name of a setting
#: What a download needs, by mode, in the order of Credentials.
NEEDED: Mapping[AuthMode, Sequence[str]] = {
    "none": (URL,),
    "basic": (URL, USERNAME, PASSWORD),
    "login": (URL, USERNAME, PASSWORD, BASE_URL),
}


@dataclass(frozen=True)
class Credentials:
    """What a download needs: the whole URL of the export, and what its mode asks for beside it."""

    mode: AuthMode
    url: str = field(repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    base_url: str = ""


def credentials(settings: HitssSettings) -> Credentials:
    """Raises PermanentError naming the setting, or the Vault's names, of what is missing or unfit."""
    missing = [name for name in NEEDED[settings.hitss_auth_mode] if getattr(settings, name) is None]
    if missing and settings.hitss_secrets_from == "vault":
        settings = _with_vault(settings, missing)
    elif missing:
        names = " and ".join(name.upper() for name in missing)
        raise PermanentError(f"{names} {'are' if missing[1:] else 'is'} not set; see .env.example.")
    values = {name: settings.require(name) for name in NEEDED[settings.hitss_auth_mode]}
    return Credentials(settings.hitss_auth_mode, *(values.get(name, "") for name in NEEDED["login"]))


def vault_names(setting: str) -> list[str]:
    """What a secret may be called in the Vault, the likeliest first."""
    names = [setting.upper(), *(["HITSS_LINK_DOWNLOAD"] if setting == URL else [])]
    return [*names, *(name.lower() for name in names)]


def _with_vault(settings: HitssSettings, missing: Sequence[str]) -> HitssSettings:
    """The settings with what the Vault has; it is held to the same rules as the environment."""
    asked = [name for setting in missing for name in vault_names(setting)]
    url = settings.fabricio_url
    with postgres.connect(url, what=PROJECT, read_only=True) as connection:
        secrets = vault.read_vault(
            connection, asked, what=PROJECT, harmless=HitssSettings.harmless_parameters
        )
    found = {
        setting: vault.one_of(secrets, vault_names(setting), what=PROJECT).strip() for setting in missing
    }
    try:
        return read_as(HitssSettings, None, **(settings.model_dump() | found))
    except SettingsError as error:
        raise PermanentError(f"What the Vault of {PROJECT} holds cannot be used: {error}") from None
