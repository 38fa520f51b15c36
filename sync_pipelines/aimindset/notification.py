"""The notification of a failed day: one error row and one alert, whatever else does not work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.access import ProjectAccess
from sync_pipelines.aimindset.backup.report import ProjectLog
from sync_pipelines.lib.alerts import Alert, Channel, Delivery, once, send_alert
from sync_pipelines.lib.failures import SyncError

SUBJECT = "🚨 [AIMindset] Falha no Backup Automático"
#: The nearest that alert-processor comes to that subject: it builds its own from type and source.
SOURCE = "Falha no Backup Automático"


@dataclass(frozen=True)
class FailureNotifier:
    """Notifies a person of a failed day: by the project's own function where it is known, then by `mail`."""

    ops: str = field(repr=False)
    project_log: ProjectLog
    access: ProjectAccess
    mail: Sequence[Channel]
    clock: Callable[[], datetime]

    def notify(self, partition_key: str, run_id: str, problems: Mapping[str, SyncError]) -> Delivery | None:
        """Notify once for the day; returns how the alert left, None if an earlier run sent it. Never raises."""
        text = " ".join(f"{asset}: {error}" for asset, error in problems.items()).strip() or "sem detalhes"
        context = {"date": partition_key, "run_id": run_id}
        with once(self.ops, assets.BACKUP, partition_key, kind="error_row", run_id=run_id) as row:
            if row.due:
                row.done = self._log(text, context)
        with once(self.ops, assets.BACKUP, partition_key, kind="alert", run_id=run_id) as alert:
            if alert.due:
                message = Alert("aimindset", SOURCE, f"Dia {partition_key}. {text}", subject=SUBJECT)
                alert.done = send_alert(message, self._channels(context))
            return alert.done

    def _log(self, text: str, context: Mapping[str, object]) -> Delivery:
        try:
            self.project_log.failure(f"Falha no backup automático: {text}", context)
        except SyncError as error:
            return Delivery(None, (str(error),))
        return Delivery("system_logs")

    def _channels(self, context: Mapping[str, object]) -> list[Channel]:
        if self.access.url is None:
            return list(self.mail)

        def project(alert: Alert) -> str:
            details = {**context, "scheduled": "03:00 America/Sao_Paulo"}
            return self.access.open().alert(SOURCE, alert.text, self.clock().isoformat(), details=details)

        return [project, *self.mail]
