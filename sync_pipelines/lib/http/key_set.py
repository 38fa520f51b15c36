"""The public keys of a project (`/auth/v1/.well-known/jwks.json`), fetched seldom and never trusted when absent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sync_pipelines.lib.failures import SyncError, TransientError, from_http_status
from sync_pipelines.lib.http.json import JsonClient
from sync_pipelines.lib.retry import Backoff

if TYPE_CHECKING:  # loads cryptography
    from jwt import PyJWK

PATH = "/auth/v1/.well-known/jwks.json"
LIFETIME = 600.0  # seconds for which a fetched set is used
PAUSE = 30.0  # seconds between two fetches for a key that is not in the set
PAUSE_AFTER_FAILURE = 5.0
MOST_KEYS = 20
#: The kind of key that an algorithm is verified with, and its curve.
KINDS = {"ES256": ("EC", "P-256"), "RS256": ("RSA", None)}


class KeySet:
    """Keys by their `kid`; `setting` is the variable of the address, for errors. Threads may share it.

    `client()` makes the HTTP client, `monotonic` gives seconds.
    """

    def __init__(
        self,
        project_url: str,
        client: Callable[[], JsonClient],
        monotonic: Callable[[], float],
        *,
        setting: str,
    ) -> None:
        self._url, self._setting = project_url.rstrip("/") + PATH, setting
        self._client, self._monotonic = client, monotonic
        self._lock = threading.Lock()
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None

    def find(self, kid: str, algorithm: str) -> PyJWK | None:
        """The key, None where the project has none of that name for that algorithm.

        An unknown name fetches the set anew, but not more often than every half minute, or anybody could make us
        hammer the project. Raises SyncError where the set cannot be had: nothing is accepted on an old one.
        """
        with self._lock:
            now = self._monotonic()
            known = self._keys.get(f"{algorithm} {kid}")
            age = None if self._fetched_at is None else now - self._fetched_at
            if age is None or age >= LIFETIME or (known is None and age >= PAUSE):
                if self._failed_at is not None and now - self._failed_at < PAUSE_AFTER_FAILURE:
                    raise TransientError("The project's key set could not be fetched a moment ago.")
                try:
                    self._keys = self._fetch()
                except SyncError:
                    self._failed_at = now
                    raise
                self._fetched_at, self._failed_at = now, None
                known = self._keys.get(f"{algorithm} {kid}")
            return known

    def _fetch(self) -> dict[str, PyJWK]:
        with self._client() as client:
            answer = client.get_json(self._url)
        if answer.status != 200:
            raise from_http_status(answer.status, what="The project's key set", setting=self._setting)
        keys = answer.body.get("keys") if isinstance(answer.body, dict) else None
        if not isinstance(keys, list):
            raise TransientError("The project's key set is not one: it has no list of keys.")
        return dict(entry for key in keys[:MOST_KEYS] for entry in _usable(key))


def require_readable(project_url: str, setting: str) -> None:
    """Fetch the set once, for a person who waits for the answer. Raises SyncError if it cannot be read."""

    def client() -> JsonClient:
        return JsonClient(url_setting=setting, backoff=Backoff(attempts=1))

    KeySet(project_url, client, lambda: 0.0, setting=setting).find("any", "ES256")


def _usable(key: Any) -> list[tuple[str, PyJWK]]:
    """A public key under its algorithm and name; none for a key of another kind, such as a shared secret."""
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    if not isinstance(key, Mapping) or not isinstance(key.get("kid"), str) or key.get("use", "sig") != "sig":
        return []
    for algorithm, (kind, curve) in KINDS.items():
        if key.get("kty") == kind and key.get("crv") == curve and key.get("alg", algorithm) == algorithm:
            try:
                return [(f"{algorithm} {key['kid']}", PyJWK(dict(key), algorithm))]
            except (PyJWTError, ValueError, TypeError):
                return []
    return []
