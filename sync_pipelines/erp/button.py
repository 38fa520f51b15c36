"""The Edge Function `erp-sync`: the button of the old screen, answered in its shape (contract of the ERPs, 1.2).

Body `{connection_id, modules?}`, with the token of a person whose connection it is. The sync itself is a process of its
own; an answer waits for it as long as the gateway allows, and the sync goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sync_pipelines.erp.button_answer import answer_of, refusal, unfinished
from sync_pipelines.erp.button_processes import AlreadyRunningError, SyncProcesses, TooManyError
from sync_pipelines.erp.connections.at_work import connection_lock
from sync_pipelines.erp.connections.connection import INACTIVE, ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.log import LogRow, manual_since
from sync_pipelines.erp.connections.tables import ERP, SYNC_LOG
from sync_pipelines.erp.outcome import Module
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.endpoints import Answer, Call

#: In which the gateway before the functions wants an answer: it gives up after 150.
WAIT_SECONDS = 140.0
BUSY = "A sincronização desta conexão já está em andamento; o resultado aparecerá no histórico."
GOES_ON = "A sincronização continua em andamento; o resultado aparecerá no histórico."
TOO_MANY = "Há muitas sincronizações em andamento; tente de novo em alguns minutos."
UNREAD = "A sincronização terminou, mas o resultado não pôde ser lido; veja o histórico."
NOT_STARTED = "A sincronização não pôde ser iniciada; tente de novo mais tarde."
AWAY = "O banco da aplicação não responde no momento; tente de novo."
_log = logging.getLogger(__name__)


class _RefusedError(Exception):
    """The request is refused: its status, and a sentence in Portuguese that repeats nothing of the request."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class _Press:
    """What a person asked for: a connection of theirs, its modules, and the database's time before the sync."""

    connection: ErpConnection
    modules: tuple[Module, ...] | None
    at: datetime
    is_busy: bool

    @property
    def expected(self) -> Sequence[Module]:
        return self.modules or self.connection.modules


@dataclass(frozen=True)
class SyncButton:
    """Starts syncs of connections in the database at `url`, whose `erp_type` is one of `served`."""

    url: str
    processes: SyncProcesses
    served: Collection[str]
    wait_seconds: float = WAIT_SECONDS

    def press(self, call: Call) -> Answer:
        """Sync a connection of the caller. 400: not a request; 401: nobody; 404: no connection of theirs."""
        deadline = time.monotonic() + self.wait_seconds
        try:
            press = self._read(call)
        except _RefusedError as error:
            return refusal(error.status, str(error))
        except SyncError as error:
            _log.warning("A press of the button could not be served: %s", error)
            return refusal(503, AWAY)
        if press.is_busy:
            return unfinished(BUSY)
        try:
            ended = self.processes.start(press.connection.id, press.modules)
        except AlreadyRunningError:
            return unfinished(BUSY)
        except TooManyError:
            return unfinished(TOO_MANY)
        except OSError as error:
            _log.error("The sync of a press could not be started: %s.", type(error).__name__)
            return refusal(500, NOT_STARTED)
        if not ended.wait(max(0.0, deadline - time.monotonic())):
            return unfinished(GOES_ON)
        return self._ended(press)

    def _read(self, call: Call) -> _Press:
        """Raises _RefusedError; SyncError if the database cannot be read."""
        user_id = _uuid(call.caller)
        if user_id is None:
            raise _RefusedError(401, "Unauthorized.")
        if not isinstance(call.document, dict):
            raise _RefusedError(400, "O corpo deve ser um objeto JSON.")
        named = call.document.get("connection_id")
        if not isinstance(named, str) or not named:
            raise _RefusedError(400, "connection_id é obrigatório")
        modules = _modules(call.document)
        with postgres.connect(self.url, what=ERP, read_only=True) as session, postgres.errors_about(ERP):
            connection_id = _uuid(named)
            found = Control(session).row(connection_id) if connection_id is not None else None
            if found is None or found.user_id != user_id:
                raise _RefusedError(404, "Conexão não encontrada")
            if found.status == INACTIVE:
                raise _RefusedError(400, "A conexão está inativa: ative-a antes de sincronizar.")
            if found.erp_type not in self.served:
                raise _RefusedError(400, "Conexões deste ERP ainda não são sincronizadas.")
            is_busy = postgres.is_held(session, connection_lock(found.id))
            return _Press(found, modules, at=_now(session), is_busy=is_busy)

    def _ended(self, press: _Press) -> Answer:
        """The answer after the process has ended: by the row that it left, or why there is none."""
        try:
            with postgres.connect(self.url, what=ERP, read_only=True) as session, postgres.errors_about(ERP):
                row = _newest(manual_since(session, press.connection.id, press.at))
                is_held = postgres.is_held(session, connection_lock(press.connection.id))
                if row is not None and not (is_held and row.status == SYNC_LOG.running):
                    return answer_of(row, press.expected)
                if is_held:
                    return unfinished(BUSY)  # another run was quicker, and the open row is its own
        except SyncError as error:
            _log.warning("What became of a press could not be read: %s", error)
            return unfinished(UNREAD)
        return refusal(500, NOT_STARTED)


def _newest(rows: Sequence[LogRow]) -> LogRow | None:
    """The newest sync that has ended, else the newest."""
    ended = [row for row in rows if row.status != SYNC_LOG.running]
    return next(reversed(ended or rows), None)


def _now(session: postgres.Connection) -> datetime:
    row = session.execute("select now()").fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, TypeError):
        return None


def _modules(document: Mapping[str, Any]) -> tuple[Module, ...] | None:
    """What was asked for, in the order in which it is done; None if nothing was. Raises _RefusedError."""
    named = document.get("modules")
    if named is None:
        return None
    known = ", ".join(Module)
    if not isinstance(named, list) or not all(isinstance(one, str) and one in set(Module) for one in named):
        raise _RefusedError(400, f"modules deve ser uma lista de {known}.")
    return tuple(one for one in Module if one in named) or None
