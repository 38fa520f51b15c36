"""What `doctor` asks for the toy system: may we read the source?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Check, Finding, Inquiry
from sync_pipelines.settings.toy import ToySettings


def checks(settings: ToySettings, _inquiry: Inquiry) -> Sequence[Check]:
    if settings.toy_database_url is None:
        return []
    return [Check("TOY_DATABASE_URL", lambda: source(settings))]


def source(settings: ToySettings) -> Iterator[Finding]:
    try:
        what = "the toy database"
        with (
            postgres.connect(settings.toy_url, what=what, read_only=True) as connection,
            postgres.errors_about(what),
        ):
            connection.execute("select from public.raw_readings limit 1")
    except SyncError as error:
        yield Finding(False, f"TOY_DATABASE_URL: the readings cannot be read: {type(error).__name__}")
    else:
        yield Finding(True, "TOY_DATABASE_URL: the readings can be read")
