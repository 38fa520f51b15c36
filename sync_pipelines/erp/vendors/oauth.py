"""Vendors whose calls carry an access token of OAuth: where it is refreshed, and the calls that it is refreshed for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from sync_pipelines.erp.connections.tokens import CONNECT, BearerToken, ConnectionTokens, TokenEndpoint
from sync_pipelines.erp.vendors.session import Opening, VendorSession
from sync_pipelines.lib.failures import PermanentError, RefusedError
from sync_pipelines.lib.http.json import JsonAnswer


class ExpiredTokenError(PermanentError):
    """The vendor does not accept the access token (any more): another one may be. A judge says so of a 401."""


class AuthAddress(NamedTuple):
    """Where a vendor's tokens come from: the setting that names another place, the vendor's own, and its API's host."""

    setting: str
    url: str
    api_host: str
    #: What is added where an address names a host alone; None: the version's path, as to the API's address.
    path: str | None = None


def token_base(opening: Opening, auth: AuthAddress) -> str:
    """The base to which the token path is added: as it is set, else the vendor's own, else that of another API."""
    base_url, version = opening.spec.base_url(opening.settings), opening.spec.version_path
    path = version if auth.path is None else auth.path
    set_url: str | None = getattr(opening.settings, auth.setting)
    if set_url is None:
        is_vendors = urlsplit(base_url).hostname == auth.api_host
        return (
            auth.url
            if is_vendors
            else base_url
            if path == version
            else f"{base_url.removesuffix(version)}{path}"
        )
    return set_url if urlsplit(set_url).path.strip("/") else f"{set_url.rstrip('/')}{path}"


@dataclass
class TokenCalls:
    """The calls of an account, each with its access token. Threads may share it."""

    session: VendorSession
    token: BearerToken

    @classmethod
    def open(cls, opening: Opening, session: VendorSession, endpoint: TokenEndpoint) -> Self:
        """The token is refreshed where the credentials of the connection have what that needs."""
        settings, connection, sleep = opening.settings, opening.connection, session.cancellation.sleep
        key = settings.erp_credentials_key
        tokens = ConnectionTokens(
            connection_id=connection.id,
            what=f"{endpoint.vendor} ({connection.key})",
            endpoint=endpoint,
            url=settings.erp_url,
            ops_url=settings.ops_url,
            key=key.get_secret_value() if key else None,
            party=connection.key,
            clock=session.clock,
            options={"sleep": sleep, **opening.options},
            budget_options={"sleep": sleep, **opening.budget_options},
        )
        return cls(session, BearerToken(opening.credentials, tokens))

    def get(self, method: str, path: str, query: Mapping[str, str] | None = None) -> JsonAnswer:
        """GET, and once more with another token if this one has ended. Raises RefusedError, other SyncErrors."""
        token = self.token.value()
        try:
            return self._get(method, path, query, token=token)
        except ExpiredTokenError:
            token = self.token.renewed(token)
        try:
            return self._get(method, path, query, token=token)
        except ExpiredTokenError as error:
            refused = RefusedError(f"{error} It was issued just now. {CONNECT}", 401)
            self.session.stopped = refused
            raise refused from None

    def _get(self, method: str, path: str, query: Mapping[str, str] | None, *, token: str) -> JsonAnswer:
        return self.session.get(method, path, query, headers={"Authorization": f"Bearer {token}"})
