"""The rows that the project's panel reads, on a connection of their own and after the fact.

`system_logs` takes any type; `error` would fire the project's alert trigger a second time and is never written.
`backup_logs` has the function's own row already: ours counts no records, so that the panel's sum stays true, and is
written only where the table's CHECK was widened for it (contract of the backup, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.aimindset.backup.coverage import WHAT
from sync_pipelines.aimindset.backup.validate import AUTO, takes_auto_backup
from sync_pipelines.aimindset.connection import connect
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import from_postgres
from sync_pipelines.lib.redaction import redact

SUCCESS, FAILURE = AUTO, "auto_backup_error"
#: The types that the existing panel shows in green and red.
_PANEL = {SUCCESS: "backup_success", FAILURE: "backup_error"}


@dataclass(frozen=True)
class Logbook:
    """The project's logs; `panel_types` writes a second row of a type that the panel knows."""

    url: str
    panel_types: bool = False

    def success(self, message: str, context: Mapping[str, object]) -> None:
        """Log a committed and proved backup. Raises SyncError when the database takes nothing."""
        with connect(self.url) as connection, postgres.errors_about(WHAT):
            self._write(connection, SUCCESS, message, context=context)
            if takes_auto_backup(connection):
                connection.execute(
                    "insert into public.backup_logs (action_type, records_affected, details, success)"
                    " values (%s, 0, %s, true)",
                    (AUTO, f"Backup ID: {context['backup_id']} (registros contados na linha do backup)"),
                )

    def failure(self, message: str, context: Mapping[str, object]) -> None:
        """Log a failed day. Raises SyncError when the database takes nothing."""
        with connect(self.url) as connection, postgres.errors_about(WHAT):
            self._write(connection, FAILURE, message, context=context)

    def knows(self, backup_id: str) -> bool:
        """Whether the success of a backup is logged. Raises SyncError when the database does not answer."""
        with connect(self.url, read_only=True) as connection, postgres.errors_about(WHAT):
            row = connection.execute(
                "select exists (select from public.system_logs where type = %s and context ->> 'backup_id' = %s)",
                (SUCCESS, backup_id),
            ).fetchone()
        return bool(row and row[0])

    def _write(
        self, connection: postgres.Connection, kind: str, message: str, context: Mapping[str, object]
    ) -> None:
        kinds = [kind, _PANEL[kind]] if self.panel_types else [kind]
        try:
            with connection.transaction():
                for name in kinds:
                    connection.execute(
                        "insert into public.system_logs (type, message, context) values (%s, %s, %s)",
                        (name, redact(message) or "sem mensagem", Jsonb(dict(context))),
                    )
        except psycopg.Error as error:
            raise from_postgres(error, what=f"{WHAT} (system_logs)") from None
