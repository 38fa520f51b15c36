"""Vendors whose calls carry an access token of OAuth: where it is refreshed, and whose it is."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from sync_pipelines.erp.connections.credentials import Credentials
from sync_pipelines.erp.connections.tokens import BearerToken, ConnectionTokens, TokenEndpoint
from sync_pipelines.erp.vendors.session import Opening, VendorSession


class AuthAddress(NamedTuple):
    """Where a vendor's tokens come from: the setting that names another place, the vendor's own, and its API's host."""

    setting: str
    url: str
    api_host: str


def token_base(opening: Opening, auth: AuthAddress, version_path: str) -> str:
    """The base to which the token path is added: as it is set, else the vendor's own, else that of another API."""
    base_url = opening.spec.base_url(opening.access.settings)
    set_url: str | None = getattr(opening.access.settings, auth.setting)
    if set_url is None:
        return auth.url if urlsplit(base_url).hostname == auth.api_host else base_url
    return set_url if urlsplit(set_url).path.strip("/") else f"{set_url.rstrip('/')}{version_path}"


def bearer_token(opening: Opening, session: VendorSession, endpoint: TokenEndpoint) -> BearerToken:
    """The access token of a connection, which is refreshed where its credentials have what that needs."""
    settings, connection, access = opening.access.settings, opening.connection, opening.access
    key, sleep = settings.erp_credentials_key, session.cancellation.sleep
    tokens = ConnectionTokens(
        connection_id=connection.id,
        what=f"{endpoint.vendor} ({connection.key})",
        endpoint=endpoint,
        url=settings.erp_url,
        ops_url=settings.ops_url,
        key=key.get_secret_value() if key else None,
        party=connection.key,
        clock=session.clock,
        options={"sleep": sleep, **access.options},
        budget_options={"sleep": sleep, **access.budget_options},
    )
    return BearerToken(Credentials(opening.credentials), tokens)
