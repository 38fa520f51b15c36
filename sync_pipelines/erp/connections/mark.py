"""What we note about a failing connection in its `metadata`, under a name of our own.

The enum of the connection's status has one word for every failure (contract of the ERPs, section 10): that one waits
for a person stands here. A connection in `error` without a mark was left so by the old application, and is tried once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from sync_pipelines.erp.connections.connection import ErpConnection

#: Our keys in `metadata`: the mark; when a person asked for a sync; the fingerprint of tokens that a sync stored.
NAME, REQUEST, TOKENS = "sync_pipelines", "sync_pipelines_request", "sync_pipelines_tokens"
#: Hexadecimal digits of a fingerprint: enough to tell two values apart, and nothing to find a secret by.
_DIGITS = 16


def fingerprint(credentials: object) -> str:
    """Tells whether stored credentials, sealed or not, are still the same."""
    text = json.dumps(credentials, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


@dataclass(frozen=True)
class Mark:
    """Failures in a row: their newest cause, how many, since when, and with which credentials."""

    cause: str
    since: datetime
    waits_for_person: bool = False
    failures: int = 1
    credentials: str = ""
    #: The modules that failed; none where the whole sync did.
    modules: frozenset[str] = frozenset()

    @classmethod
    def of(cls, connection: ErpConnection) -> Self | None:
        """The mark of a connection; None without one that can be read."""
        found = connection.metadata.get(NAME)
        return cls._read(found) if isinstance(found, Mapping) else None

    @classmethod
    def _read(cls, found: Mapping[str, Any]) -> Self | None:
        try:
            since = datetime.fromisoformat(str(found.get("since")))
            failures = int(found.get("failures", 1))
        except (TypeError, ValueError, OverflowError):
            return None
        modules = found.get("modules")
        return cls(
            cause=str(found.get("cause", "")),
            since=since if since.tzinfo is not None else since.replace(tzinfo=UTC),
            waits_for_person=found.get("waits_for") == "person",
            failures=failures,
            credentials=str(found.get("credentials", "")),
            modules=frozenset(map(str, modules)) if isinstance(modules, list) else frozenset(),
        )

    def after(self, previous: Mark | None) -> Mark:
        """The mark after this failure, which follows `previous`; waiting begins anew when it begins."""
        if previous is None:
            return self
        goes_on = previous.waits_for_person == self.waits_for_person
        since = previous.since if goes_on else self.since
        return replace(self, since=since, failures=previous.failures + 1)

    def as_json(self) -> dict[str, object]:
        return {
            "cause": self.cause,
            "since": self.since.isoformat(),
            "waits_for": "person" if self.waits_for_person else None,
            "failures": self.failures,
            "modules": sorted(self.modules),
            "credentials": self.credentials,
        }


def waits_for_person(connection: ErpConnection) -> Mark | None:
    """The mark of a connection that only a person can help; None once its credentials are others than it had then."""
    mark = Mark.of(connection)
    if mark is None or not mark.waits_for_person or mark.credentials != fingerprint(connection.credentials):
        return None
    return mark


def used_credentials(seen: ErpConnection, current: ErpConnection) -> str:
    """The fingerprint of the credentials that a sync used, which saw the row as `seen` at its start.

    Tokens that were refreshed meanwhile are its own; whatever else is new was entered by a person, and was not used.
    """
    now = fingerprint(current.credentials)
    return now if current.metadata.get(TOKENS) == now else fingerprint(seen.credentials)


def is_requested(connection: ErpConnection) -> bool:
    """Whether a person asked for a sync that has not ended yet."""
    return isinstance(connection.metadata.get(REQUEST), str)
