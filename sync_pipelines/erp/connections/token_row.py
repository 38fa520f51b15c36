"""The row of a connection while its tokens are refreshed: read again under a lock, and written before they are used.

Refresh tokens rotate: the vendor's answer ends the old one. So the row is marked before the call. After a crash
between the answer and its commit the mark is still there, and says why the vendor refuses the token that is stored.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any, LiteralString
from uuid import UUID

from sync_pipelines.erp.connections.credentials import Credentials, open_stored
from sync_pipelines.erp.connections.mark import TOKENS, fingerprint
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.postgres.reconnecting import Reconnecting
from sync_pipelines.lib.retry import Backoff

DATABASE = "the database of the ERP connections"
#: The key in `erp_connections.metadata`: when a refresh began, and the digest of the token that it gave away.
MARK = "token_refresh"
#: Who waits for a refresh of another worker: it takes one call, at most three attempts of it.
_WAIT_SECONDS = 240.0
#: How often it looks whether its own run is to end.
_LOOK_SECONDS = 2.0
#: A pair that cannot be stored is lost, so a restart of the database is waited for, for 70 s.
_STORE = Backoff(attempts=12, first=0.25, longest=10.0, jitter=0.0)
_READ: LiteralString = "select credentials, metadata -> %s::text from public.erp_connections where id = %s"
#: What is no object there is a person's: it stays beside.
_METADATA: LiteralString = (
    "(case jsonb_typeof(metadata) when 'object' then metadata"
    " else jsonb_strip_nulls(jsonb_build_object('previous', metadata)) end)"
)
_MARK: LiteralString = (
    f"update public.erp_connections set metadata = {_METADATA} || jsonb_build_object(%s::text, %s::jsonb)"
    " where id = %s"
)
_UNMARK: LiteralString = f"update public.erp_connections set metadata = {_METADATA} - %s::text where id = %s"
_STORE_PAIR: LiteralString = (
    "update public.erp_connections set credentials = %s::jsonb,"
    f" metadata = ({_METADATA} - %s::text) || jsonb_build_object(%s::text, %s::text) where id = %s"
)


@dataclass(frozen=True)
class StoredTokens:
    """What the row holds now; `interrupted_at` is when a refresh of this very token began that never ended."""

    credentials: Credentials
    interrupted_at: str | None = None

    @property
    def refresh_token(self) -> str | None:
        return self.credentials.text("refresh_token")


@dataclass
class TokenRow:
    """The row of one connection, called `what` in errors. Its transactions are short: no call is made within one."""

    database: Reconnecting
    connection_id: UUID
    what: str
    #: ERP_CREDENTIALS_KEY.
    key: str | None = field(repr=False)

    def read(self) -> StoredTokens:
        """What is stored now. Raises SyncError: the row is gone, or its credentials do not open."""
        return self.database.do(self._read)

    def begin(self, tokens: StoredTokens, at: str) -> None:
        """Mark, before the call, that the refresh token is given away."""
        mark = json.dumps({"at": at, "token": _digest(tokens.refresh_token)})
        self.database.do(lambda connection: connection.execute(_MARK, (MARK, mark, self.connection_id)))

    def restore(self, tokens: StoredTokens) -> None:
        """Leave the row as it was before `begin`: the vendor gave no new pair."""
        if tokens.interrupted_at is None:
            self.database.do(lambda connection: connection.execute(_UNMARK, (MARK, self.connection_id)))

    def store(self, used: StoredTokens, changes: Mapping[str, Any]) -> Credentials:
        """Store a new pair; returns the credentials that the row holds now.

        They are others if somebody connected the account anew meanwhile: then the vendor made the new pair for an
        authorisation that is over, and the person's is kept.
        """

        def write(connection: postgres.Connection) -> Credentials:
            with connection.transaction():
                now = self._read(connection, lock=True)
                if now.refresh_token != used.refresh_token:
                    return now.credentials
                stored = now.credentials.stored(changes, self.key)
                # By this the pair is told from credentials that a person renews.
                known = fingerprint(stored)
                connection.execute(_STORE_PAIR, (json.dumps(stored), MARK, TOKENS, known, self.connection_id))
                return open_stored(stored, self.key, what=self.what)

        return self.database.do(write)

    def _read(self, connection: postgres.Connection, *, lock: bool = False) -> StoredTokens:
        query: LiteralString = _READ + " for update" if lock else _READ
        row = connection.execute(query, (MARK, self.connection_id)).fetchone()
        if row is None:
            raise PermanentError(f"{self.what}: the connection was deleted.")
        tokens = StoredTokens(open_stored(row[0], self.key, what=self.what))
        mark = row[1] if isinstance(row[1], Mapping) else {}
        if mark.get("token") != _digest(tokens.refresh_token):
            return tokens
        return StoredTokens(tokens.credentials, interrupted_at=str(mark.get("at")))


@contextmanager
def locked_row(
    url: str,
    connection_id: UUID,
    *,
    key: str | None,
    what: str,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[TokenRow]:
    """The row of a connection while no other worker refreshes its tokens, over a database connection of its own.

    Raises TransientError if another worker does not come to an end.
    """
    lock = postgres.lock_key("erp", "tokens", str(connection_id))
    busy = f"{what}: another run is refreshing the token, and has not ended."
    database = Reconnecting(
        url,
        what=DATABASE,
        backoff=_STORE,
        # Whoever took the lock meanwhile uses the old token; `store` looks at the row before it writes.
        on_reconnect=lambda connection: postgres.try_lock(connection, lock),
        sleep=sleep,
    )
    with closing(database), ExitStack() as held:
        with postgres.errors_about(DATABASE):
            _wait_for(lock, held, database.connection, busy=busy, sleep=sleep)
        yield TokenRow(database, connection_id, what=what, key=key)


def _wait_for(
    lock: int, held: ExitStack, connection: postgres.Connection, *, busy: str, sleep: Callable[[float], None]
) -> None:
    """Take a lock until `held` is closed; a run that is to end does not wait for it any longer."""
    for waited in count(_LOOK_SECONDS, _LOOK_SECONDS):
        locked = postgres.session_lock(connection, lock, wait_seconds=_LOOK_SECONDS, busy=busy)
        try:
            held.enter_context(locked)
            return
        except TransientError:
            if waited >= _WAIT_SECONDS:
                raise
            sleep(0.0)  # raises once the run is to end


def _digest(token: str | None) -> str:
    return sha256((token or "").encode()).hexdigest()[:16]
