"""Sankhya's access token: client credentials with the X-Token of the installation (contract of the ERPs, section 8).

How long a token lasts is not established, so it is kept until the vendor refuses it, and asked for once more then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from sync_pipelines.erp.connections.credentials import Credentials
from sync_pipelines.erp.vendors.oauth import ExpiredTokenError
from sync_pipelines.erp.vendors.session import Call, VendorSession
from sync_pipelines.erp.vendors.values import text_of
from sync_pipelines.lib.failures import RefusedError, TransientError
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient
from sync_pipelines.lib.redaction import register

#: Names of the credentials: those of the developer's area, and the token of the installation's gateway.
CLIENT_ID, CLIENT_SECRET, X_TOKEN = "client_id", "client_secret", "token"
PATH = "authenticate"
REFUSED = "Sankhya does not accept client_id, client_secret and the gateway's token. Enter them again."
#: Sends a request with a token: the whole of its header `Authorization`.
Send = Callable[[JsonClient, Mapping[str, str]], JsonAnswer]


@dataclass
class SankhyaLogin:
    """The calls of an account, each with its access token. Threads may share it."""

    session: VendorSession
    credentials: Credentials
    _token: str = field(default="", repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def call(self, method: str, path: str, request: str, *, send: Send) -> JsonAnswer:
        """Make a call, and once more with another token if this one has ended. Raises SyncError."""
        token = self._other_than("")
        try:
            return self._call(method, path, request, send=send, token=token)
        except ExpiredTokenError:
            token = self._other_than(token)
        try:
            return self._call(method, path, request, send=send, token=token)
        except ExpiredTokenError as error:
            raise self._refused(f"{error} It was issued just now. {REFUSED}") from None

    def _call(self, method: str, path: str, request: str, *, send: Send, token: str) -> JsonAnswer:
        headers = {"Authorization": f"Bearer {token}"}
        return self.session.call(Call(method, path, request, send=lambda http: send(http, headers)))

    def _other_than(self, refused: str) -> str:
        """A token that is not the refused one, nor empty."""
        with self._lock:
            if self._token == refused:
                self._token = self._ask()
            return self._token

    def _ask(self) -> str:
        names = (CLIENT_ID, CLIENT_SECRET, X_TOKEN)
        client_id, client_secret, x_token = (self.credentials.text(name) or "" for name in names)
        form = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
        url = f"{self.session.base_url}/{PATH}"
        login = Call(
            PATH, PATH, "", send=lambda http: http.post_form(url, form, headers={"X-Token": x_token})
        )
        try:
            answer = self.session.call(login)
        except ExpiredTokenError:
            raise self._refused(REFUSED) from None
        token = text_of(answer.body, "access_token") if isinstance(answer.body, Mapping) else None
        if token is None or not all("!" <= char <= "~" for char in token):
            raise TransientError("Sankhya answered the login with something that holds no token.")
        register(token)
        return token

    def _refused(self, sentence: str) -> RefusedError:
        self.session.stopped = RefusedError(sentence, 401)
        return RefusedError(sentence, 401)
