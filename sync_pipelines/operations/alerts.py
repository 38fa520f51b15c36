"""The one way by which an alert leaves. For now it leaves into the log; e-mail and chat join here."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from sync_pipelines.lib.redaction import redact

logger = logging.getLogger("sync_pipelines.alerts")


@dataclass(frozen=True)
class Alert:
    """What a person is told: which system, what happened, what to do. Portuguese: its readers are users."""

    system: str
    title: str
    text: str
    severity: Literal["aviso", "erro"] = "erro"


def send_alert(alert: Alert) -> None:
    """Send an alert. Never raises: the failure that it tells of matters more."""
    logger.error("ALERTA [%s] %s: %s — %s", alert.severity, alert.system, alert.title, redact(alert.text))
