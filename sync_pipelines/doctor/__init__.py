"""`sync-pipelines doctor`: what is right and wrong with everything that is configured, before anything runs.

Every finding names its setting and, where something is wrong, what to do. None holds a user, a password or
the query of a URL. What fails in one place stops nothing in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sync_pipelines.doctor import backups, databases, machine, network, services, upstreams
from sync_pipelines.doctor.databases import Database
from sync_pipelines.lib.findings import Finding
from sync_pipelines.lib.redaction import redacted_exception

if TYPE_CHECKING:
    from pydantic import SecretStr

    from sync_pipelines.hitss.dre.extract import ExportClient
    from sync_pipelines.settings import Settings

__all__ = ["Finding", "diagnose"]

DATABASES = (
    "OPS_DATABASE_URL",
    "DAGSTER_PG_URL",
    "FABRICIO_DATABASE_URL",
    "HITSS_DATABASE_URL",
    "AIMINDSET_DATABASE_URL",
    "TABULADORMAX_DATABASE_URL",
)


def diagnose(
    settings: Settings,
    *,
    http: ExportClient | None = None,
    probe_export: bool = False,
    send_mail: bool = False,
    resolve: network.Resolver = network.addresses,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    home: str | None = None,
) -> list[Finding]:
    """Look at this machine, the landing store, each configured database, and what is reached by HTTP or mail.

    `probe_export` also requests the export of one month (minutes), with `http` if given; `send_mail` sends a test
    mail. `resolve` turns a host and port into addresses, `now` is an aware clock, `home` is DAGSTER_HOME.
    """
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("SYNC_ENV", lambda: iter([machine.automation(settings)])),
        ("DAGSTER_HOME", lambda: machine.dagster_home(settings, home)),
        ("SYNC_TIMEZONE", lambda: iter([machine.time_zone(settings.sync_timezone)])),
        ("LANDING_URL", lambda: machine.landing(settings.landing_root)),
        ("LANDING_URL", lambda: upstreams.bucket(settings)),
        *((name, lambda name=name: _database(settings, name, resolve, now=now)) for name in DATABASES),
        (
            "HITSS_DOWNLOAD_URL",
            lambda: upstreams.hitss(
                settings,
                resolve,
                now().astimezone(settings.zone).date(),
                http=http,
                probe_export=probe_export,
            ),
        ),
        ("AIMINDSET_SECRETS_FROM", lambda: upstreams.aimindset(settings)),
        ("AIMINDSET_DATABASE_URL", lambda: backups.backups(settings, resolve)),
        ("GESTAO_SCOUTER_URL", lambda: services.gestao_scouter(settings)),
        ("TABULADORMAX_PROJECT_URL", lambda: services.key_set(settings)),
        ("SMTP_URL", lambda: services.mail(settings, send=send_mail)),
    ]
    return [finding for name, check in checks for finding in _safely(name, check)]


def _database(
    settings: Settings, name: str, resolve: network.Resolver, now: Callable[[], datetime]
) -> Iterator[Finding]:
    from sync_pipelines.migrations.history import OPS, History

    url: SecretStr | None = getattr(settings, name.lower())
    if url is None:
        yield _absent(settings, name)
        return
    histories = [OPS, History("fabricio"), History("hitss"), History("tabuladormax")]
    histories += [History("aimindset")] if settings.aimindset_widen_backup_logs else []
    history = {one.setting: one for one in histories}.get(name)
    makes_tables = name != "AIMINDSET_DATABASE_URL"
    yield from databases.check(
        Database(setting=name, url=url.get_secret_value(), history=history, makes_tables=makes_tables),
        resolve,
        now,
    )


def _absent(settings: Settings, name: str) -> Finding:
    if name == "HITSS_DATABASE_URL":
        return Finding(True, f"{name} is not set: there is no mirror in a second project")
    if name == "FABRICIO_DATABASE_URL":
        return Finding(True, f"{name} is not set: the system hitss is absent")
    if name == "AIMINDSET_DATABASE_URL":
        return Finding(True, f"{name} is not set: the system aimindset is absent")
    if name == "TABULADORMAX_DATABASE_URL":
        return Finding(True, f"{name} is not set: the system scouter is absent")
    if name == "DAGSTER_PG_URL":
        wanted = settings.sync_env == "production"
        cure = "production needs it: set it to a database of Dagster's own"
        return Finding(
            not wanted, f"{name} is not set: {cure if wanted else 'Dagster keeps its runs in files'}"
        )
    return Finding(False, f"{name} is not set: no system can run, set it to a database of this project's own")


def _safely(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # a check that breaks is a finding, and the others go on
        yield Finding(False, f"{name}: the check itself failed ({redacted_exception(error)})")
