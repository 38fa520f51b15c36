"""What `doctor` asks for the ERP sync: are tables, credentials, vendors, functions and the XML store usable?

No question costs a vendor's budget or an error there: an address is reached, and no call is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit
from uuid import UUID

from sync_pipelines.erp.analyses.dispatch import TABLES
from sync_pipelines.erp.analyses.functions import (
    ANALYZE_CREDITS,
    ANALYZE_NCM,
    CALCULATE_TAX_SCORE,
    MATCH_OPPORTUNITIES,
    PROCESS_DRE,
    FunctionsAccess,
)
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.control import Control
from sync_pipelines.erp.connections.credentials import CredentialsError, read_credentials
from sync_pipelines.erp.connections.mark import waits_for_person
from sync_pipelines.erp.connections.tables import CONNECTIONS, ERP, LOGS, is_migrated
from sync_pipelines.erp.vendors.registry import VENDORS, is_synced, served_modules
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Check, Finding, Inquiry
from sync_pipelines.lib.http.key_set import require_readable
from sync_pipelines.lib.http.reach import reach
from sync_pipelines.lib.postgres.catalog import columns_of, exists, require_sight
from sync_pipelines.settings import SettingsError
from sync_pipelines.settings.erp import ErpSettings

_DATABASE, _KEY, _FUNCTIONS, _STORE, _PROJECT = (
    "ERP_DATABASE_URL",
    "ERP_CREDENTIALS_KEY",
    "ERP_FUNCTIONS_URL",
    "ERP_XML_STORE_URL",
    "ERP_PROJECT_URL",
)
#: The bucket from which the application reads the XML of an invoice (contract of the ERPs, section 3).
_BUCKET = "xml-imports"
_APPLICATION = (
    CONNECTIONS,
    LOGS,
    "public.xml_imports",
    "public.xml_analysis",
    "public.company_profile",
    "public.company_ncm_analysis",
    "public.company_dre",
)
#: Without these there is no credit analysis.
_ANALYSIS = (
    "public.identified_credits",
    "public.credit_rules",
    "public.credit_analysis_summary",
    "public.notifications",
)
#: Columns that our first migration adds to a table of the application.
_ADDED = ("nfe_key", "connection_id", "nfe_status", "issue_date", "content_sha256")
#: A user that no project has: what the function does for it has no effect.
_NOBODY = UUID(int=0)
_SHOWN = 10


def checks(settings: ErpSettings, inquiry: Inquiry) -> Sequence[Check]:
    if settings.erp_database_url is None:
        return []
    vendors = [
        Check(setting, _reaching(setting, url, inquiry)) for setting, url in _addresses(settings).items()
    ]
    return [
        Check(_DATABASE, lambda: tables(settings)),
        Check(_KEY, lambda: credentials(settings)),
        *vendors,
        Check(_FUNCTIONS, lambda: functions(settings, inquiry, FunctionsAccess(settings))),
        Check(_STORE, lambda: xml_store(settings)),
        Check(_PROJECT, lambda: button(settings)),
    ]


def tables(settings: ErpSettings) -> Iterator[Finding]:
    """Are the application's tables there, do we see their rows, did the migration run, and does nobody wait?"""
    try:
        with (
            postgres.connect(settings.erp_url, what=ERP, read_only=True) as connection,
            postgres.errors_about(ERP),
        ):
            if missing := _missing(connection, _APPLICATION):
                yield Finding(False, f"{_DATABASE}: {missing} is not there: is it the right project?")
                return
            require_sight(connection, (*_APPLICATION, *_ANALYSIS), ERP)
            columns = {column.name for column in columns_of(connection, "public.xml_imports")}
            if not columns.issuperset(_ADDED) or not is_migrated(connection):
                yield Finding(False, f"{_DATABASE}: run `sync-pipelines migrate`")
                return
            if missing := _missing(connection, _ANALYSIS):
                yield Finding(False, f"{_DATABASE}: {missing} is not there: credits are not analysed")
            for analysis, needed in TABLES.items():
                if missing := _missing(connection, needed):
                    yield Finding(False, f"{_DATABASE}: {missing} is not there: no {analysis.value}")
            yield from _connections(Control(connection).all())
    except SyncError as error:
        yield Finding(False, f"{_DATABASE}: {error}")


def credentials(settings: ErpSettings) -> Iterator[Finding]:
    """Does every connection's sealed credentials open with the key? None of them is shown."""
    secret = settings.erp_credentials_key
    key = secret.get_secret_value() if secret is not None else None
    try:
        with (
            postgres.connect(settings.erp_url, what=ERP, read_only=True) as connection,
            postgres.errors_about(ERP),
        ):
            if not exists(connection, CONNECTIONS):
                return
            served = [one for one in Control(connection).all() if served_modules(one)]
    except SyncError as error:
        yield Finding(False, f"{_KEY}: {error}")
        return
    forms, problems = Counter[str](), list[str]()
    for one in served:
        try:
            forms[read_credentials(one, key).form] += 1
        except SyncError as error:
            problems.append(str(error))
            if not isinstance(error, CredentialsError):
                break  # there is no key: the same sentence for every connection
    for sentence in problems[:_SHOWN]:
        yield Finding(False, f"{_KEY}: {sentence}")
    if len(problems) > _SHOWN:
        yield Finding(False, f"{_KEY}: so it is with {len(problems) - _SHOWN} more connections")
    if not problems:
        parts = ", ".join(f"{count} as {form}" for form, count in sorted(forms.items()))
        yield Finding(
            True, f"{_KEY}: the credentials of {len(served)} connections open" + f" ({parts})" * bool(parts)
        )


def functions(settings: ErpSettings, inquiry: Inquiry, access: FunctionsAccess) -> Iterator[Finding]:
    """Are the Edge Functions reachable, and does the one that we call take our token?"""
    url = settings.erp_functions_url
    if url is None:
        yield Finding(
            True, f"{_FUNCTIONS} is not set: invoices are stored, and their credits are not analysed"
        )
        return
    reached = _reached(_FUNCTIONS, url, inquiry)
    yield reached
    if not reached.ok:
        return
    nobody = ErpConnection(_NOBODY, _NOBODY, erp_type="", name="", status="")
    try:
        with access.open(nobody) as opened:
            if opened is not None:
                yield Finding(True, f"{_FUNCTIONS}: {ANALYZE_CREDITS} takes {opened.check_token()}")
    except SyncError as error:
        yield Finding(False, f"{_FUNCTIONS}: {error}")
    if settings.erp_functions_jwt_secret is None:
        also = ", calculate-rtc (ERP_REFORM_BY=function)" if settings.erp_reform_by == "function" else ""
        yield Finding(
            False,
            "ERP_FUNCTIONS_JWT_SECRET is not set: the functions that take the token of a user alone are not called:"
            f" {', '.join((PROCESS_DRE, ANALYZE_NCM, MATCH_OPPORTUNITIES, CALCULATE_TAX_SCORE))}{also}",
        )


def xml_store(settings: ErpSettings) -> Iterator[Finding]:
    """Can the store be written, and is it where the application reads?"""
    try:
        store = settings.xml_store
        with store.incoming("doctor", ".txt") as path:
            path.write_bytes(b"doctor\n")
            store.remove(store.keep(path, "doctor", ".txt").path)
    except OSError as error:
        yield Finding(False, f"{_STORE}: it cannot be written ({error.strerror})")
        return
    except (SyncError, SettingsError) as error:
        yield Finding(False, f"{_STORE}: {error}")
        return
    where = _bucket(settings)
    if settings.sync_env == "production" and where != _BUCKET:
        yield Finding(
            False,
            f"{_STORE}: it can be written, but the application reads the bucket {_BUCKET}, and this is"
            f" {f'the bucket {where}' if where else 'a folder'}: a person could not download the XML there",
        )
        return
    yield Finding(True, f"{_STORE}: XML of invoices can be written")


def button(settings: ErpSettings) -> Iterator[Finding]:
    """Can the receiver verify who presses the button of the old screen, and may a browser call it?"""
    url, secret = settings.erp_project_url, settings.erp_functions_jwt_secret
    if url is None and secret is None:
        yield Finding(
            not settings.erp_screen_origins,
            f"{_PROJECT}: neither it nor ERP_FUNCTIONS_JWT_SECRET is set: the receiver does not serve erp-sync",
        )
        return
    if url is not None:
        try:
            require_readable(url, _PROJECT)
        except SyncError as error:
            yield Finding(False, f"{_PROJECT}: {error}")
        else:
            yield Finding(True, f"{_PROJECT}: the project's key set can be read")
    if settings.erp_screen_origins:
        yield Finding(True, "ERP_SCREEN_ORIGINS: `sync-pipelines webhook` serves erp-sync to these screens")
    else:
        yield Finding(True, "ERP_SCREEN_ORIGINS is not set: no browser may call erp-sync")


def _bucket(settings: ErpSettings) -> str | None:
    """The bucket of the XML store, with the folder in it if there is one; None for a folder of this machine."""
    parts = urlsplit(settings.erp_xml_store_url or settings.landing_url)
    return f"{parts.netloc}{parts.path}".rstrip("/") if parts.scheme == "s3" else None


def _missing(connection: postgres.Connection, names: Sequence[str]) -> str:
    return ", ".join(name for name in names if not exists(connection, name))


def _connections(rows: Sequence[ErpConnection]) -> Iterator[Finding]:
    """How many there are, which wait for a person, and which nobody serves."""
    states = Counter(one.status for one in rows)
    parts = ", ".join(f"{count} {status}" for status, count in sorted(states.items()))
    yield Finding(
        True, f"{_DATABASE}: {CONNECTIONS} has {len(rows)} connections" + f" ({parts})" * bool(parts)
    )
    if waiting := [one.key for one in rows if waits_for_person(one)]:
        yield Finding(
            False,
            f"{_DATABASE}: {_listed(waiting)} wait for a person: renew their credentials in the application, then"
            " `sync-pipelines erp reviewed`",
        )
    if unserved := [one.key for one in rows if not served_modules(one)]:
        yield Finding(True, f"{_DATABASE}: {_listed(unserved)} are of ERPs of which nothing is synced")


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more


def _addresses(settings: ErpSettings) -> dict[str, str]:
    """The addresses of the vendors that are synced, by their settings."""
    names = [spec.url_setting for erp_type, spec in VENDORS.items() if is_synced(erp_type)]
    names += ["bling_auth_url", "contaazul_auth_url"]
    return {name.upper(): url for name in names if (url := getattr(settings, name)) is not None}


def _reaching(setting: str, url: str, inquiry: Inquiry) -> Callable[[], Iterator[Finding]]:
    return lambda: iter([_reached(setting, url, inquiry)])


def _reached(setting: str, url: str, inquiry: Inquiry) -> Finding:
    found = reach(url, inquiry.resolve, ca_bundle=None, ca_setting="the system's certificates")
    return Finding(found.ok, f"{setting}: {found.sentence}")
