"""The rows that the project's panel reads, written on a connection of their own and after the fact.

`system_logs` takes any type. `error` would fire the project's alert trigger a second time and is never written.
`backup_logs` already has the function's own row: ours counts no records, so that the panel's sum stays true, and is
written only if the table's CHECK was widened for it (contract of the backup, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.aimindset.backup.validate import AUTO, takes_auto_backup
from sync_pipelines.aimindset.database import WHAT, connect
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import from_postgres
from sync_pipelines.lib.redaction import redact

SUCCESS, FAILURE = AUTO, "auto_backup_error"
#: The types that the existing panel shows in green and red.
_PANEL = {SUCCESS: "backup_success", FAILURE: "backup_error"}


@dataclass(frozen=True)
class BackupFacts:
    """What a log row says of a backup beside its sentence."""

    backup_id: str
    rows: int
    partition_key: str
    run_id: str
    proved: bool

    def as_context(self) -> dict[str, object]:
        return {
            "backup_id": self.backup_id,
            "total_records": self.rows,
            "date": self.partition_key,
            "run_id": self.run_id,
            "proved": self.proved,
        }

    def sentence(self) -> str:
        if not self.proved:
            return "Backup automático chamado por RPC: não comprovado."
        return f"Backup automático concluído e comprovado: {self.rows} registros."


@dataclass(frozen=True)
class ProjectLog:
    """The project's log tables; with `panel_types` each row is written again with a type that the panel shows."""

    url: str = field(repr=False)
    panel_types: bool = False

    def success(self, backup: BackupFacts) -> None:
        """Log a committed backup. Raises SyncError if the database takes no row."""
        with connect(self.url) as connection, postgres.errors_about(WHAT):
            self._write(connection, SUCCESS, backup.sentence(), context=backup.as_context())
            if takes_auto_backup(connection):
                connection.execute(
                    "insert into public.backup_logs (action_type, records_affected, details, success)"
                    " values (%s, 0, %s, true)",
                    (AUTO, f"Backup ID: {backup.backup_id} (registros contados na linha do backup)"),
                )

    def failure(self, message: str, context: Mapping[str, object]) -> None:
        """Log a failed day. Raises SyncError if the database takes no row."""
        with connect(self.url) as connection, postgres.errors_about(WHAT):
            self._write(connection, FAILURE, message, context=context)

    def has_success(self, backup_id: str) -> bool:
        """Whether the success of a backup is logged. Raises SyncError if the database does not answer."""
        with connect(self.url, read_only=True) as connection, postgres.errors_about(WHAT):
            row = connection.execute(
                "select exists (select from public.system_logs where type = %s and context ->> 'backup_id' = %s)",
                (SUCCESS, backup_id),
            ).fetchone()
        return bool(row and row[0])

    def _write(
        self, connection: postgres.Connection, kind: str, message: str, *, context: Mapping[str, object]
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
