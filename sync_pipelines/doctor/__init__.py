"""`sync-pipelines doctor`: what is right and wrong with everything that is configured, before anything runs.

Every finding names its setting and, where something is wrong, what to do. None holds a user, a password or
the query of a URL. What fails in one place stops nothing in another.
Each system asks for itself (`<system>/doctor.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sync_pipelines import systems
from sync_pipelines.doctor import databases, landing, machine, mail
from sync_pipelines.lib.findings import Check, Finding, Inquiry
from sync_pipelines.lib.redaction import redacted_exception
from sync_pipelines.settings.databases import NamedDatabase, databases_of

if TYPE_CHECKING:
    from sync_pipelines.settings import Settings

__all__ = ["Finding", "diagnose"]


def diagnose(settings: Settings, inquiry: Inquiry | None = None, *, home: str | None = None) -> list[Finding]:
    """Look at this machine, the landing store, each configured database, and what each system reaches.

    `home` is DAGSTER_HOME.
    """
    inquiry = inquiry or Inquiry()
    checks = [
        Check("SYNC_ENV", lambda: iter([machine.automation(settings)])),
        Check("DAGSTER_HOME", lambda: machine.dagster_home(settings, home)),
        Check("SYNC_TIMEZONE", lambda: iter([machine.time_zone(settings.sync_timezone)])),
        Check("LANDING_URL", lambda: landing.folder(settings.landing_root)),
        Check("LANDING_URL", lambda: landing.bucket(settings)),
        *(_database(settings, one, inquiry) for one in databases_of(type(settings))),
        *(check for system in systems.SYSTEMS for check in system.doctor_checks(settings, inquiry)),
        Check("SMTP_URL", lambda: mail.mail(settings, send=inquiry.sends_mail)),
    ]
    return [finding for check in checks for finding in _safely(check)]


def _database(settings: Settings, one: NamedDatabase, inquiry: Inquiry) -> Check:
    if one.url(settings) is None:
        return Check(one.variable, lambda: iter([_absent(settings, one)]))
    return Check(one.variable, lambda: databases.check(one, settings, inquiry))


def _absent(settings: Settings, one: NamedDatabase) -> Finding:
    if one.database.absent is not None:
        return Finding(True, f"{one.variable} is not set: {one.database.absent}")
    if one.database.migrated:
        return Finding(
            False, f"{one.variable} is not set: no system can run, set it to a database of this project's own"
        )
    wanted = settings.sync_env == "production"
    cure = "production needs it: set it to a database of Dagster's own"
    return Finding(
        not wanted, f"{one.variable} is not set: {cure if wanted else 'Dagster keeps its runs in files'}"
    )


def _safely(check: Check) -> Iterator[Finding]:
    try:
        yield from check.ask()
    except Exception as error:  # a check that breaks is a finding, and the others go on
        yield Finding(False, f"{check.setting}: the check itself failed ({redacted_exception(error)})")
