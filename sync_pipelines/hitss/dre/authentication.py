"""How a download authenticates: not at all (every download known to work), by HTTP Basic, or by a login's token.

The last two were in the application's code, and nobody saw them work (contract of HITSS, section 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync_pipelines.hitss.dre.credentials import Credentials
from sync_pipelines.lib.failures import PermanentError, RefusedError

if TYPE_CHECKING:  # httpx is slow to import
    import httpx

    from sync_pipelines.lib.http.auth import Login

LOGIN_PATH = "/api/auth/login"
_CREDENTIALS = "HITSS_USERNAME and HITSS_PASSWORD"
_MODE = "HITSS_AUTH_MODE"


def auth_of(known: Credentials) -> httpx.Auth | None:
    """What authenticates the requests of one download."""
    from sync_pipelines.lib.http.auth import LoginAuth, basic_auth

    match known.mode:
        case "none":
            return None
        case "basic":
            return basic_auth(known.username, known.password)
        case "login":
            return LoginAuth(login_of(known))


def login_of(known: Credentials) -> Login:
    from sync_pipelines.lib.http.auth import Login

    return Login(
        url=f"{known.base_url.rstrip('/')}{LOGIN_PATH}",
        body={"username": known.username, "password": known.password},
        name="The HITSS login",
        url_setting="HITSS_BASE_URL",
        credentials_setting=_CREDENTIALS,
    )


def explain(refusal: RefusedError, known: Credentials) -> PermanentError:
    """A refusal of the download, with the settings that can cure it."""
    settings = {
        "none": f"If it asks for a password by now, set {_MODE}.",
        "basic": f"Check also {_CREDENTIALS}, and {_MODE}.",
        "login": f"The login was accepted; check also {_MODE}, and what the user may do.",
    }
    return PermanentError(f"{refusal} {settings[known.mode]}")
