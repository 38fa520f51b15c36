"""What `doctor` asks for the CRM's leads: does the CRM take us, are control table, schedule and webhook usable?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import RefusedError, SyncError
from sync_pipelines.lib.findings import Check, Finding, Inquiry
from sync_pipelines.lib.http.endpoints import SHORTEST_SHARED_SECRET
from sync_pipelines.lib.postgres.catalog import exists, require_sight
from sync_pipelines.lib.retry import Backoff
from sync_pipelines.settings import SettingsError
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.client import SprinthubAccess, SprinthubClient
from sync_pipelines.sprinthub.segments.cadence import Cadence
from sync_pipelines.sprinthub.segments.control import ACTIVE, ERROR, PAUSED
from sync_pipelines.sprinthub.segments.tables import CONTROL, LOGS, OFICIALMED

_ADDRESS, _DATABASE = "SPRINTHUB_BASE_URL", "OFICIALMED_DATABASE_URL"
_LEADS = "api.leads"
_STATUSES = (ACTIVE, PAUSED, ERROR)
#: Segments whose names are asked for: each is a call, and a person waits.
MOST_SEGMENTS = 20
_SHOWN = 10


def checks(settings: SprinthubSettings, inquiry: Inquiry) -> Sequence[Check]:
    webhook_check = [Check("SPRINTHUB_WEBHOOK", lambda: webhook(settings))]
    if settings.oficialmed_database_url is None:
        return webhook_check if settings.sprinthub_webhook else []
    # A person waits for the answer.
    access = SprinthubAccess(settings, options={"backoff": Backoff(attempts=1)})
    return [
        Check(_ADDRESS, lambda: crm(settings, access)),
        Check(_DATABASE, lambda: tables(settings)),
        Check("SPRINTHUB_CRON", lambda: iter([schedule(settings, inquiry.now())])),
        *webhook_check,
    ]


def crm(settings: SprinthubSettings, access: SprinthubAccess) -> Iterator[Finding]:
    """Address, token and instance by one cheap call, then whether the CRM knows the segments of the control table."""
    try:
        with access.client("doctor") as client:
            client.segments()
            yield Finding(
                True, f"{_ADDRESS}: the CRM answers and takes SPRINTHUB_API_TOKEN and SPRINTHUB_INSTANCE"
            )
            yield from _segments(client, _numbers(settings.oficialmed_url))
    except (RefusedError, SettingsError) as error:
        # Their sentences name the setting that a person renews, which is seldom the address.
        yield Finding(False, str(error))
    except SyncError as error:
        yield Finding(False, f"{_ADDRESS}: {error}")


def tables(settings: SprinthubSettings) -> Iterator[Finding]:
    """Are the tables there, do we see all their rows, and can each control row be obeyed?"""
    try:
        with (
            postgres.connect(settings.oficialmed_url, what=OFICIALMED, read_only=True) as connection,
            postgres.errors_about(OFICIALMED),
        ):
            missing = [name for name in (_LEADS, CONTROL, LOGS) if not exists(connection, name)]
            if missing:
                cure = "run `sync-pipelines migrate`" if _LEADS not in missing else "is it the right project?"
                yield Finding(False, f"{_DATABASE}: {', '.join(missing)} is not there: {cure}")
                return
            require_sight(connection, (_LEADS, CONTROL, LOGS), OFICIALMED)
            rows = connection.execute(f"select segment_id, status from {CONTROL} order by id").fetchall()
    except SyncError as error:
        yield Finding(False, f"{_DATABASE}: {error}")
        return
    yield from _control(rows)


def schedule(settings: SprinthubSettings, now: datetime) -> Finding:
    """The cron line in words, with its next tick in its own zone and in SYNC_TIMEZONE.

    The original's 06:00 was 03:00 in Brazil, which nobody had meant.
    """
    from cronsim import CronSim

    cadence = Cadence.from_settings(settings)
    tick = cadence.next_after(now)
    words, zone = CronSim(cadence.cron, now).explain(), cadence.zone
    sentence = f"SPRINTHUB_CRON: {words}, in {zone.key}: next at {tick.astimezone(zone):%Y-%m-%d %H:%M}"
    if zone.key != settings.sync_timezone:
        sentence += f", which is {tick.astimezone(settings.zone):%Y-%m-%d %H:%M} in {settings.sync_timezone}"
    return Finding(True, sentence)


def webhook(settings: SprinthubSettings) -> Iterator[Finding]:
    """Can a caller of the webhook be admitted, and does somebody read what it stores?"""
    if not settings.sprinthub_webhook:
        yield Finding(
            True, "SPRINTHUB_WEBHOOK is not set: new leads come with the next sync of their segment"
        )
        return
    secret, name = settings.sprinthub_webhook_secret, "SPRINTHUB_WEBHOOK_SECRET"
    if secret is None:
        yield Finding(
            False,
            f"{name}: it is not set, and the webhook would refuse every call: set it, or switch"
            " SPRINTHUB_WEBHOOK off",
        )
    elif len(secret.get_secret_value()) < SHORTEST_SHARED_SECRET:
        yield Finding(
            False, f"{name}: it is shorter than {SHORTEST_SHARED_SECRET} characters: choose a longer one"
        )
    else:
        yield Finding(
            True,
            f"SPRINTHUB_WEBHOOK: POST {settings.sprinthub_webhook_path} of `sync-pipelines webhook` takes new leads,"
            f" whose number stands at {' or '.join(settings.sprinthub_webhook_lead_id.split(','))}",
        )
    if settings.oficialmed_database_url is None:
        yield Finding(
            True, f"SPRINTHUB_WEBHOOK: {_DATABASE} is not set: new leads are stored here and read elsewhere"
        )


def _numbers(url: str) -> list[int]:
    """The segments of the control table, those that ran last first; none where the table is not there."""
    with (
        postgres.connect(url, what=OFICIALMED, read_only=True) as connection,
        postgres.errors_about(OFICIALMED),
    ):
        if not exists(connection, CONTROL):
            return []
        rows = connection.execute(
            f"select segment_id from {CONTROL} group by segment_id"
            " order by max(last_execution) desc nulls last, segment_id limit %s",
            (MOST_SEGMENTS,),
        ).fetchall()
    return [number for (number,) in rows]


def _segments(client: SprinthubClient, numbers: Sequence[int]) -> Iterator[Finding]:
    """Which of the segments the CRM knows, with their names."""
    found = {number: client.segment(number) for number in numbers}
    known = [f"{number} ({_name(segment)})" for number, segment in found.items() if segment is not None]
    unknown = [str(number) for number, segment in found.items() if segment is None]
    if known:
        yield Finding(True, f"{_ADDRESS}: the CRM has the segments {', '.join(known)}")
    if unknown:
        yield Finding(
            False,
            f"{_ADDRESS}: the CRM has no segment {', '.join(unknown)}: pause or delete it in {CONTROL}, or check"
            " SPRINTHUB_INSTANCE",
        )


def _name(segment: Mapping[str, object]) -> str:
    return " ".join(str(segment.get("name") or "without a name").split())[:60]


def _control(rows: Sequence[tuple[int, str | None]]) -> Iterator[Finding]:
    """Rows that no run could obey: two of one segment, statuses that nobody knows."""
    counts = Counter(number for number, _ in rows)
    doubled = [number for number, count in counts.items() if count > 1]
    if doubled:
        yield Finding(
            False,
            f"{_DATABASE}: {CONTROL} has more than one row of the segments {_list(doubled)}: keep one of each",
        )
    unknown = [number for number, status in rows if status not in _STATUSES]
    if unknown:
        yield Finding(
            False,
            f"{_DATABASE}: in {CONTROL} the segments {_list(unknown)} have a status other than"
            f" {', '.join(_STATUSES)}, and never run: `sync-pipelines sprinthub reactivate` or `pause` corrects it",
        )
    if not doubled and not unknown:
        states = Counter(status for _, status in rows)
        parts = ", ".join(f"{states[status]} {status}" for status in _STATUSES if states[status])
        yield Finding(
            True, f"{_DATABASE}: {CONTROL} has {len(rows)} segments" + (f" ({parts})" if parts else "")
        )


def _list(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return ", ".join(map(str, numbers[:_SHOWN])) + more
