"""What `doctor` asks for the toy system: does the meter answer?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Check, Finding, Inquiry
from sync_pipelines.settings import SettingsError
from sync_pipelines.settings.toy import ToySettings
from sync_pipelines.toy.readings.extract import Meter


def checks(settings: ToySettings, inquiry: Inquiry) -> Sequence[Check]:
    """None where the system is absent. Its database is asked about already, as every one that a setting names."""
    if settings.toy_database_url is None:
        return []
    return [Check("TOY_METER_URL", lambda: meter(settings, inquiry))]


def meter(settings: ToySettings, inquiry: Inquiry) -> Iterator[Finding]:
    try:
        Meter(settings).read_day(inquiry.now().astimezone(UTC).date())
    except (SyncError, SettingsError) as error:
        yield Finding(False, f"TOY_METER_URL: {error}")
    else:
        yield Finding(True, "TOY_METER_URL: the meter answers and takes our key")
