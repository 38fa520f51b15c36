"""The credentials of a connection: the JSON value of `erp_connections.credentials` (contract of the ERPs, section 2.2).

| stored as | what it is |
|---|---|
| a string in base64 | the object, sealed by the application (`lib.sealed`) |
| an object | a row from before the application sealed them |
| a string that is a JSON object | the object in clear, put there by hand |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.lib.failures import PermanentError, RefusedError
from sync_pipelines.lib.redaction import register
from sync_pipelines.lib.sealed import SealError, seal, unseal

KEY_SETTING = "ERP_CREDENTIALS_KEY"
#: What no sync can do without, by `erp_type`.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "omie": ("app_key", "app_secret"),
    "bling": ("access_token",),
    "contaazul": ("access_token",),
    "tiny": ("token",),
    "sankhya": ("client_id", "client_secret", "token"),
    "totvs": ("base_url", "username", "password"),
}
#: What to enter where the application asks for something else.
_INSTEAD: Mapping[str, str] = {
    "sankhya": "Sankhya ended the login by App Key and Sankhya ID: store client_id and client_secret of the developer's"
    " area, and as token the X-Token that the installation shows in its gateway settings.",
}
#: What is no secret: to mask it would only spoil the logs.
_OPEN = frozenset({"expires_at", "expires_in", "token_type", "scope", "base_url", "created_at", "updated_at"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A number of seconds has reached this in 5138, one of milliseconds in 1973.
_LEAST_MILLISECONDS = 100_000_000_000
_LATEST_SECONDS = 4_102_444_800  # 2100
_NUMBER = re.compile(r"\d{1,17}(\.\d{0,9})?", re.ASCII)


class CredentialsError(RefusedError):
    """The credentials cannot be used as they are stored: a person has to enter them again."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, 401)


@dataclass(frozen=True)
class Credentials:
    """The credentials of a connection in clear; `form` is how they are stored."""

    values: Mapping[str, Any] = field(repr=False)
    form: str

    def text(self, name: str) -> str | None:
        """A value as text without blanks around it; None if it is missing or empty."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            return None
        return str(value).strip() or None

    @property
    def expires_at(self) -> datetime | None:
        """When the access token ends; None if the row does not say, or says nothing usable."""
        return moment_of(self.values.get("expires_at"))

    def stored(self, changes: Mapping[str, Any], key: str | None) -> Any:
        """The JSON value with these changes: sealed if there is a key, because the application reads both forms."""
        values = {**self.values, **changes}
        return seal(json.dumps(values, ensure_ascii=False), key) if key else values


SEALED, PLAIN, CLEAR_TEXT = "sealed", "plain object", "JSON text in clear"


def read_credentials(connection: ErpConnection, key: str | None) -> Credentials:
    """The credentials of a connection, known to the redactor; `key` is ERP_CREDENTIALS_KEY, None if it is not set.

    Raises CredentialsError: there are none, a needed one is missing, or they do not open. Raises PermanentError if
    they are sealed and there is no key.
    """
    what = f"The credentials of the connection {connection.key}"
    credentials = open_stored(connection.credentials, key, what=what)
    missing = [name for name in NEEDED.get(connection.erp_type, ()) if credentials.text(name) is None]
    if missing:
        action = _INSTEAD.get(connection.erp_type, "Enter them again in the application.")
        raise CredentialsError(f"{what} lack {' and '.join(missing)}. {action}")
    return credentials


def open_stored(stored: Any, key: str | None, *, what: str) -> Credentials:
    """The credentials in a JSON value, whichever vendor's; `what` begins the sentence of an error."""
    if stored is None or stored in ({}, ""):
        raise CredentialsError(f"{what} are empty: enter them in the application.")
    form, values = PLAIN, stored
    if isinstance(stored, str):
        form, values = _of_text(stored, key, what=what)
    if not isinstance(values, Mapping):
        raise CredentialsError(
            f"{what} are neither an object nor a sealed one: enter them again in the application."
        )
    if not values:
        raise CredentialsError(f"{what} are empty: enter them in the application.")
    for secret in _secrets(values):
        register(secret)
    return Credentials(values, form)


def _of_text(stored: str, key: str | None, *, what: str) -> tuple[str, Any]:
    clear = _json(stored)
    if isinstance(clear, Mapping):
        return CLEAR_TEXT, clear
    sealed = clear if isinstance(clear, str) else stored  # a string that was written as JSON twice
    if not key:
        raise PermanentError(f"{what} are sealed: set {KEY_SETTING}, the secret that the application uses.")
    try:
        return SEALED, _json(unseal(sealed, key))
    except SealError as error:
        raise CredentialsError(
            f"{what} cannot be opened. {error} Check {KEY_SETTING}, or enter them again in the application."
        ) from None


def moment_of(value: Any) -> datetime | None:
    """A moment as the application's parts write it: seconds, milliseconds, either as text, or ISO 8601 (trap 28).

    None for what is none of these, or lies before 1970 or after 2100. A text without offset is UTC.
    """
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    if not _NUMBER.fullmatch(text):
        return _iso(text)
    seconds = float(text) / (1000 if float(text) >= _LEAST_MILLISECONDS else 1)
    return _EPOCH + timedelta(seconds=seconds) if 0 < seconds < _LATEST_SECONDS else None


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """A moment as the application stores `expires_at`."""
    return round((moment - _EPOCH).total_seconds() * 1000)


def _json(text: str) -> Any:
    """The value of a JSON text, None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _secrets(value: Any, name: str = "") -> Iterator[str]:
    """Every text and number in the credentials that may be a secret."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, name)
    elif isinstance(value, str | int) and not isinstance(value, bool) and name not in _OPEN:
        yield str(value)
