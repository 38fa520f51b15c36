"""Tokens of vendors whose refresh tokens rotate (contract of the ERPs, sections 5 and 6): each is used once.

Bling's are here: an access token of six hours, a refresh token of thirty days.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import RLock
from typing import ClassVar, Final, Generic, TypeVar

from starlette.responses import JSONResponse, Response

from sync_pipelines.lib.processes import write_private
from sync_pipelines.sandbox.erp import bling_faults
from sync_pipelines.sandbox.erp.company import ErpCompany

ACCESS_SECONDS: Final = 21_600
REFRESH_SECONDS: Final = 30 * 86_400
CODE_SECONDS: Final = 60
SCOPES: Final = ("empresas", "nfe", "nfce", "produtos", "contas_receber", "contas_pagar", "categorias")


@dataclass(frozen=True)
class Grant:
    """What a token stands for: an account by its name, until when (seconds of the clock), and what it allows."""

    account: str
    until: float
    scopes: tuple[str, ...] = SCOPES


@dataclass
class Tokens:
    """The tokens that are valid, by their text."""

    access: dict[str, Grant] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)


@dataclass
class OAuthAccount:
    """An account with the application that reads it, and the pair of tokens that was given last."""

    #: For how long tokens and codes are valid, and what begins the names of the client in the credentials.
    access_seconds: ClassVar[int] = ACCESS_SECONDS
    refresh_seconds: ClassVar[int] = REFRESH_SECONDS
    code_seconds: ClassVar[int] = CODE_SECONDS
    client_prefix: ClassVar[str] = ""

    name: str
    company: ErpCompany
    client_id: str
    client_secret: str
    scopes: tuple[str, ...] = SCOPES
    access_token: str = ""
    refresh_token: str = ""
    expires_at: float = 0.0

    @property
    def credentials(self) -> dict[str, object]:
        """What the application stores of it, before it is sealed; `expires_at` is in milliseconds."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": int(self.expires_at * 1000),
            f"{self.client_prefix}client_id": self.client_id,
            f"{self.client_prefix}client_secret": self.client_secret,
        }

    @property
    def basic(self) -> str:
        """The header of the token endpoint."""
        return "Basic " + b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()


@dataclass
class BlingAccount(OAuthAccount):
    """An account of Bling."""

    client_prefix: ClassVar[str] = "bling_"


Account = TypeVar("Account", bound=OAuthAccount)


class OAuth(Generic[Account]):
    """The tokens of all accounts. With `kept` they outlive the process, in that file.

    With `keeps_used` a refresh token that was used goes on being valid, as some vendors allow it for a while.
    `refuse` is how the vendor says an error: its status, word and description.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        kept: Path | None = None,
        keeps_used: bool = False,
        refuse: Callable[[int, str, str], Response] = bling_faults.error,
    ) -> None:
        self.accounts: list[Account] = []
        self._clock, self._kept, self._keeps_used, self._refuse = clock, kept, keeps_used, refuse
        self._lock = RLock()
        self._tokens = Tokens()
        if kept is not None and kept.is_file():
            stored = json.loads(kept.read_text())
            for name, grants in stored.items():
                getattr(self._tokens, name).update({text: _grant(one) for text, one in grants.items()})

    def open(self, account: Account) -> None:
        """Add an account with its first pair of tokens: those it has, unless it was known before, or a new one."""
        with self._lock:
            self.accounts.append(account)
            known = any(grant.account == account.name for grant in self._tokens.refresh.values())
            if known and account.refresh_token:
                return
            if account.refresh_token:
                self._issue(account, account.access_token, account.refresh_token)
            else:
                self.issue(account)

    def issue(self, account: Account, *, jwt: bool = False) -> None:
        """Give an account a new pair."""
        self._issue(account, _access_token(jwt), secrets.token_hex(20))

    def grant(self, access_token: str) -> Grant | None:
        """What an access token allows; None if it is not valid now."""
        with self._lock:
            found = self._tokens.access.get(access_token)
            return found if found is not None and found.until > self._clock() else None

    def reader(self, authorization: str) -> Account | None:
        """The account of the access token in a header; None if it is not valid now."""
        kind, _, token = authorization.partition(" ")
        grant = self.grant(token) if kind.lower() == "bearer" else None
        return next((one for one in self.accounts if grant and one.name == grant.account), None)

    def client(self, authorization: str) -> Account | None:
        """The account of the client in a header of the token endpoint."""
        return next((one for one in self.accounts if one.basic == authorization), None)

    def expire(self, account: Account) -> None:
        """All access tokens of an account end now."""
        self._drop(self._tokens.access, account)

    def revoke(self, account: Account) -> None:
        """All tokens of an account end: a person took the permission away."""
        self._drop(self._tokens.access, account)
        self._drop(self._tokens.refresh, account)

    def authorize(self, account: Account) -> str:
        """A code as a person's permission gives it; it is used once, within a minute."""
        with self._lock:
            code = secrets.token_hex(20)
            self._tokens.codes[code] = Grant(account.name, self._clock() + account.code_seconds)
            return code

    def answer(self, authorization: str, form: Mapping[str, str], *, jwt: bool) -> Response:
        """The token endpoint."""
        with self._lock:
            account = self.client(authorization)
            if account is None:
                return self._refuse(401, "invalid_client", "The client credentials are invalid")
            kind = form.get("grant_type")
            if kind not in ("refresh_token", "authorization_code"):
                return self._refuse(400, "unsupported_grant_type", f"Grant type {kind!r} not supported")
            grants = self._tokens.refresh if kind == "refresh_token" else self._tokens.codes
            text = form.get("refresh_token" if kind == "refresh_token" else "code", "")
            grant = grants.get(text)
            if grant is None or grant.account != account.name or grant.until <= self._clock():
                return self._refuse(400, "invalid_grant", "Invalid refresh token")
            if not (self._keeps_used and kind == "refresh_token"):
                del grants[text]
            self.issue(account, jwt=jwt)
            return JSONResponse(pair_of(account))

    def _issue(self, account: Account, access: str, refresh: str) -> None:
        with self._lock:
            now = self._clock()
            self._tokens.access = {text: one for text, one in self._tokens.access.items() if one.until > now}
            account.access_token, account.refresh_token = access, refresh
            account.expires_at = now + account.access_seconds
            if access:
                self._tokens.access[access] = Grant(account.name, account.expires_at, account.scopes)
            self._tokens.refresh[refresh] = Grant(account.name, now + account.refresh_seconds, account.scopes)
            self._store()

    def _drop(self, grants: dict[str, Grant], account: Account) -> None:
        with self._lock:
            for text in [text for text, grant in grants.items() if grant.account == account.name]:
                del grants[text]
            self._store()

    def _store(self) -> None:
        if self._kept is not None:
            write_private(self._kept, json.dumps(asdict(self._tokens)))


def pair_of(account: OAuthAccount) -> dict[str, object]:
    """What the token endpoint says of the pair that was given last."""
    return {
        "access_token": account.access_token,
        "expires_in": account.access_seconds,
        "token_type": "Bearer",
        "scope": " ".join(account.scopes),
        "refresh_token": account.refresh_token,
    }


def _grant(stored: dict[str, object]) -> Grant:
    scopes = stored["scopes"]
    assert isinstance(scopes, list)
    return Grant(str(stored["account"]), float(str(stored["until"])), tuple(str(one) for one in scopes))


def _access_token(jwt: bool) -> str:
    """A token of forty characters, or a JWT of about three thousand."""
    if not jwt:
        return secrets.token_hex(20)
    parts = (b'{"alg":"RS256","typ":"JWT"}', secrets.token_bytes(1900), secrets.token_bytes(256))
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
