"""What is told of a failed day: one error row and one alert, whatever else does not work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sync_pipelines.aimindset.backup.report import Logbook
from sync_pipelines.aimindset.client import Project
from sync_pipelines.lib.alerts import Alert, Channel, Delivery, house_channels, once, send_alert
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.settings.aimindset import AimindsetSettings

SUBJECT = "🚨 [AIMindset] Falha no Backup Automático"
#: The nearest that alert-processor comes to that subject: it builds its own from type and source.
SOURCE = "Falha no Backup Automático"


@dataclass(frozen=True)
class FailedDay:
    """A day on which something failed, and the ways by which that may be told."""

    settings: AimindsetSettings
    asset: str
    partition_key: str
    run_id: str
    project: Callable[[], Project]
    clock: Callable[[], datetime]

    def tell(self, problems: Mapping[str, SyncError]) -> Delivery | None:
        """Tell once for the day; returns how the alert left, None when it was told before. Never raises."""
        text = " ".join(f"{asset}: {error}" for asset, error in problems.items()).strip() or "sem detalhes"
        ops = self.settings.ops_url
        with once(ops, self.asset, self.partition_key, kind="error_row", run_id=self.run_id) as row:
            if row.due:
                row.done = self._log(text)
        with once(ops, self.asset, self.partition_key, kind="alert", run_id=self.run_id) as told:
            if told.due:
                alert = Alert("aimindset", SOURCE, f"Dia {self.partition_key}. {text}", subject=SUBJECT)
                told.done = send_alert(alert, self._channels())
            return told.done

    def _log(self, text: str) -> Delivery:
        url = self.settings.aimindset_url
        logbook = Logbook(url, self.settings.aimindset_panel_log_types)
        context = {"date": self.partition_key, "run_id": self.run_id}
        try:
            logbook.failure(f"Falha no backup automático: {text}", context)
        except SyncError as error:
            return Delivery(None, (str(error),))
        return Delivery("system_logs")

    def _channels(self) -> list[Channel]:
        """The project's own function first, where it is known, then the house's mail."""
        if self.settings.aimindset_project_url is None:
            return house_channels(self.settings)

        def project(alert: Alert) -> str:
            details = {
                "date": self.partition_key,
                "run_id": self.run_id,
                "scheduled": "03:00 America/Sao_Paulo",
            }
            return self.project().alert(SOURCE, alert.text, self.clock().isoformat(), details=details)

        return [project, *house_channels(self.settings)]
