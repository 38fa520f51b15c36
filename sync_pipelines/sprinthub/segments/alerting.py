"""The four rules by which a run of a segment alerts a person, and their e-mails (contract of SprintHub, section 6).

A rule of a segment is mailed once a day: a failure at its first run, not at each retry. Sending never raises.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.lib.alerts import Alert, Channel, once, send_alert
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.segments import log, sentences
from sync_pipelines.sprinthub.segments.log import LogRow
from sync_pipelines.sprinthub.segments.sentences import Reason
from sync_pipelines.sprinthub.segments.tables import OFICIALMED

logger = logging.getLogger(__name__)
SYSTEM = "sprinthub"
LOWEST_RATE = Decimal(95)  # per cent
LONGEST_SECONDS = Decimal(600)
MOST_ERRORS = 5
#: In the place of a segment, for what is wrong with all of them.
ALL = "all"


def is_failed(status: str) -> bool:
    return status == "error"


def is_low(rate: Decimal | float | None) -> bool:
    """Below 95 %; exactly 95 % is quiet, and a segment without leads has no rate."""
    return rate is not None and rate < LOWEST_RATE


def is_long(seconds: Decimal | float | None) -> bool:
    """More than ten minutes; exactly ten are quiet."""
    return seconds is not None and seconds > LONGEST_SECONDS


def are_repeated(errors: int) -> bool:
    """More than five errors in a row; the fifth is quiet."""
    return errors > MOST_ERRORS


def fired(row: LogRow, errors: int) -> dict[str, str]:
    """The rules that a finished run broke, by name, with a sentence each; `errors` in a row, this one included."""
    rules = {
        "execution_failed": (is_failed(row.status), "A execução falhou."),
        "success_rate": (
            is_low(row.success_rate),
            f"Taxa de sucesso de {sentences.per_cent(row.success_rate or Decimal(0))},"
            f" abaixo de {LOWEST_RATE} %.",
        ),
        "run_time": (
            is_long(row.duration),
            f"A execução levou {int(row.duration or 0)} s, mais do que {LONGEST_SECONDS} s.",
        ),
        "consecutive_errors": (
            are_repeated(errors),
            f"São {errors} erros seguidos, mais do que {MOST_ERRORS}.",
        ),
    }
    return {name: sentence for name, (is_broken, sentence) in rules.items() if is_broken}


@dataclass(frozen=True)
class SegmentAlerts:
    """Mails what the rules say. `ops_url` remembers what was mailed; days and hours are those of `zone`."""

    channels: Sequence[Channel]
    zone: ZoneInfo
    ops_url: str | None = field(default=None, repr=False)

    @classmethod
    def from_settings(cls, settings: SprinthubSettings) -> Self:
        return cls(
            channels=settings.alert_channels,
            zone=settings.zone,
            ops_url=settings.ops_url,
        )

    def after_run(
        self,
        url: str,
        row_id: str,
        *,
        reason: Reason,
        waits_for_person: bool,
        due: datetime | None,
        run_id: str,
        now: datetime,
    ) -> None:
        """Mail the rules that the run with this log row broke. `reason` is looked at for a failed run."""
        try:
            with (
                postgres.connect(url, what=OFICIALMED, read_only=True) as connection,
                postgres.errors_about(OFICIALMED),
            ):
                row = log.read_row(connection, row_id)
                errors = log.consecutive_errors(connection, row.segment_id) if row else 0
        except SyncError as error:
            self.not_begun(None, error, run_id=run_id, now=now)
            return
        broken = fired(row, errors) if row is not None and row.status != "running" else {}
        if row is None or not broken:
            return
        next_try = sentences.next_try(due, self.zone, waits_for_person=waits_for_person)
        parts = [reason.text, sentences.KEPT] if is_failed(row.status) else [row.message or ""]
        parts += [
            next_try,
            f"O que fazer: {reason.action}" if is_failed(row.status) and reason.action else "",
        ]
        self._mail(
            str(row.segment_id),
            broken,
            parts=parts,
            run_id=run_id,
            now=now,
        )

    def not_begun(self, segment_id: int | None, error: SyncError, *, run_id: str, now: datetime) -> None:
        """Mail that log and control table do not answer: one message for all segments."""
        named = "" if segment_id is None else f" (segmento {segment_id})"
        self._mail(
            ALL,
            {"execution_failed": f"O banco do projeto oficialmed não respondeu{named}: {error}"},
            parts=[sentences.KEPT, "O que fazer: confira OFICIALMED_DATABASE_URL e o projeto no Supabase."],
            run_id=run_id,
            now=now,
        )

    def _mail(
        self,
        segment: str,
        broken: dict[str, str],
        *,
        parts: Sequence[str],
        run_id: str,
        now: datetime,
    ) -> None:
        day = now.astimezone(self.zone).date().isoformat()
        with ExitStack() as stack:
            rights = {
                name: stack.enter_context(
                    once(self.ops_url, f"{SYSTEM}/segment/{segment}", day, kind=name, run_id=run_id)
                )
                for name in broken
            }
            due = [name for name, right in rights.items() if right.due]
            if not due:
                return
            text = "\n\n".join([" ".join(broken[name] for name in due), *(part for part in parts if part)])
            is_error = bool({"execution_failed", "consecutive_errors"} & set(due))
            title = (
                f"Segmento {segment}: {_title(due)}" if segment != ALL else "o banco de dados não respondeu"
            )
            alert = Alert(SYSTEM, title, text, severity="erro" if is_error else "aviso")
            delivery = send_alert(alert, self.channels)
            for name in due:
                rights[name].done = delivery


def _title(rules: Sequence[str]) -> str:
    words = {
        "execution_failed": "a execução falhou",
        "success_rate": "taxa de sucesso baixa",
        "run_time": "execução demorada",
        "consecutive_errors": "erros seguidos",
    }
    return ", ".join(words[name] for name in rules)


__all__ = ["SegmentAlerts", "are_repeated", "fired", "is_failed", "is_long", "is_low"]
