"""How a download authenticates: not at all (every download known to work), by HTTP Basic, or by the token of a login.

The last two are in the application's code; nobody has seen them work (contract of HITSS, section 1).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from sync_pipelines.hitss.dre.credentials import Credentials
from sync_pipelines.lib.failures import PermanentError, RefusedError, from_http_status
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient
from sync_pipelines.lib.redaction import register

LOGIN_PATH = "/api/auth/login"
_WHO = "HITSS_USERNAME and HITSS_PASSWORD"
_MODE = "HITSS_AUTH_MODE"


@dataclass
class Authentication:
    """The headers of one download; a token is asked for at its first attempt and serves the others."""

    client: JsonClient
    credentials: Credentials
    _token: str | None = None
    _renewed: bool = False

    def headers(self) -> Mapping[str, str]:
        """Raises SyncError when no token is to be had."""
        known = self.credentials
        match known.mode:
            case "none":
                return {}
            case "basic":
                pair = b64encode(f"{known.username}:{known.password}".encode()).decode()
                register(pair)
                return {"Authorization": f"Basic {pair}"}
            case "login":
                self._token = self._token or self._log_in()
                # The cookies of the login are the client's, which sends them by itself.
                return {"Authorization": f"Bearer {self._token}"}

    def renew(self, refusal: RefusedError) -> bool:
        """True when a download that was refused should be made again with a new token: once."""
        expired = self.credentials.mode == "login" and refusal.status == 401 and not self._renewed
        self._token, self._renewed = None, True
        return expired

    def explain(self, refusal: RefusedError) -> PermanentError:
        """A refusal of the download, with the settings that can cure it."""
        settings = {
            "none": f"If it asks for a password by now, set {_MODE}.",
            "basic": f"Check also {_WHO}, and {_MODE}.",
            "login": f"The login was accepted; check also {_MODE}, and what the user may do.",
        }
        return PermanentError(f"{refusal} {settings[self.credentials.mode]}")

    def _log_in(self) -> str:
        url = f"{self.credentials.base_url.rstrip('/')}{LOGIN_PATH}"
        answer = self.client.post_json(
            url, {"username": self.credentials.username, "password": self.credentials.password}
        )
        return _token(answer)


def _token(answer: JsonAnswer) -> str:
    what = "The HITSS login"
    if answer.status in {401, 403}:
        raise PermanentError(f"{what} was refused ({answer.status}). Check {_WHO}.")
    if answer.status not in {200, 201}:
        wait = answer.retry_after
        raise from_http_status(answer.status, what=what, retry_after=wait, setting="HITSS_BASE_URL")
    token = answer.body.get("token") if isinstance(answer.body, dict) else None
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
        came = "JSON without a token" if answer.is_json else "something that is not JSON"
        raise PermanentError(f"{what} answered with {came}, most likely a page. Check HITSS_BASE_URL.")
    register(token)
    return token
