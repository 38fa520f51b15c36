"""What a person does with a connection, from the command line or the launchpad: rows of the application's table.

Each action is harmless when it is repeated, and says what it found. A connection is named by its UUID or by its key.
Raises PermanentError with what to do instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from sync_pipelines.erp.connections.connection import ACTIVE, ERROR, INACTIVE, ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.mark import waits_for_person
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError

REVIEWED = "Revisada: será sincronizada na próxima execução."


@dataclass(frozen=True)
class ConnectionActions:
    """The actions over an open connection to the application's database."""

    connection: postgres.Connection

    @property
    def _control(self) -> Control:
        return Control(self.connection)

    def auto_sync(self, name: str, *, on: bool, now: datetime) -> str:
        """Let automatic runs take a connection, or none."""
        return self.auto_sync_on(name, now=now) if on else self.auto_sync_off(name)

    def auto_sync_on(self, name: str, *, now: datetime) -> str:
        """Let automatic runs take a connection: first after its frequency, as the application's screen does."""
        with self.connection.transaction():
            found = self._changeable(name)
            if found.auto_sync and found.next_sync_at is not None:
                return f"Auto-sync of {found.key} is on already; its next sync is at {_minute(found.next_sync_at)}."
            due = now + found.frequency
            self._set_auto_sync(found, is_on=True, due=due)
        hint = (
            ""
            if found.status in (ACTIVE, ERROR)
            else f" Its status is {found.status}: until that changes none runs."
        )
        return f"Auto-sync of {found.key} is on; its next sync is at {_minute(due)}.{hint}"

    def auto_sync_off(self, name: str) -> str:
        """Let no automatic run take a connection; a sync that goes on is not stopped."""
        with self.connection.transaction():
            found = self._changeable(name)
            if not found.auto_sync and found.next_sync_at is None:
                return f"Auto-sync of {found.key} is off already."
            self._set_auto_sync(found, is_on=False, due=None)
        return f"Auto-sync of {found.key} is off. A sync that goes on at this moment goes to its end."

    def reviewed(self, name: str, *, now: datetime) -> str:
        """End the waiting of a connection for a person: due at once. Its status stays until a sync proves it."""
        with self.connection.transaction():
            control = self._control
            found = control.change(name)
            if found.status == ACTIVE:
                return f"Connection {found.key} is active: it does not wait for anybody."
            if found.status != ERROR:
                raise PermanentError(
                    f"Connection {found.key} is {found.status}: activate it in the application first."
                )
            control.write(
                found.id,
                status=ERROR,
                status_message=REVIEWED,
                last_sync_at=found.last_sync_at,
                next_sync_at=now if found.auto_sync else None,
                mark=None,
            )
        if found.auto_sync:
            return f"Connection {found.key} is reviewed; it is due at once."
        return (
            f"Connection {found.key} is reviewed. Its auto-sync is off: sync it once with"
            f" `sync-pipelines run erp --connection {found.id}`."
        )

    def sync_now(self, name: str, *, now: datetime) -> str:
        """Make a connection due at once, whatever its time, its auto-sync and its last error say."""
        with self.connection.transaction():
            found = self._changeable(name)
            if found.status == INACTIVE:
                raise PermanentError(
                    f"Connection {found.key} is inactive: activate it in the application first."
                )
            self._control.request(found.id, now)
        return f"Connection {found.key} is due at once."

    def waiting(self) -> list[ErpConnection]:
        """The connections that wait for a person after an error."""
        return [
            one for one in self._control.all() if one.status == ERROR and waits_for_person(one) is not None
        ]

    def _changeable(self, name: str) -> ErpConnection:
        found = self._control.change(name)
        if found.problem:
            raise PermanentError(
                f"Connection {found.key}: {found.problem}; correct it in the application first."
            )
        return found

    def _set_auto_sync(self, found: ErpConnection, *, is_on: bool, due: datetime | None) -> None:
        self.connection.execute(
            "update public.erp_connections set sync_config = sync_config || %(switch)s, next_sync_at = %(due)s"
            " where id = %(id)s",
            {"id": found.id, "switch": Jsonb({"auto_sync": is_on}), "due": due},
        )


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
