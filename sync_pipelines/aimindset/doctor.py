"""What `doctor` asks for the AIMindset backups: keys that fit, a place for drills, the way of alerts.

A key that does not fit is noticed otherwise at the first restore, and a wrong place at the first drill.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_pipelines.aimindset.access import ProjectAccess
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.findings import Check, Finding, Inquiry
from sync_pipelines.lib.http.reach import reach
from sync_pipelines.settings import SettingsError
from sync_pipelines.settings.aimindset import AimindsetSettings


def checks(settings: AimindsetSettings, inquiry: Inquiry) -> Sequence[Check]:
    if settings.aimindset_database_url is None:
        return []
    return [
        Check("AIMINDSET_SECRETS_FROM", lambda: service_key(settings)),
        Check("AIMINDSET_DATABASE_URL", lambda: backups(settings, inquiry)),
    ]


def service_key(settings: AimindsetSettings) -> Iterator[Finding]:
    """Is the service key in the project's Vault, where it is said to be?"""
    if settings.aimindset_secrets_from != "vault":
        return
    try:
        ProjectAccess.from_settings(settings).open()
    except (SyncError, SettingsError) as error:
        yield Finding(False, f"AIMINDSET_SECRETS_FROM: {error}")
    else:
        yield Finding(True, "AIMINDSET_SECRETS_FROM: the service key was found")


def backups(settings: AimindsetSettings, inquiry: Inquiry) -> Iterator[Finding]:
    """The keys of archives, the server for drills, the project's endpoints: each that is configured."""
    yield from _keys(settings)
    if settings.scratch_database_url is not None:
        yield _scratch(settings.scratch_database_url.get_secret_value())
    if settings.aimindset_project_url is not None:
        found = reach(
            settings.aimindset_project_url, inquiry.resolve, ca_bundle=None, ca_setting="SSL_CERT_FILE"
        )
        yield Finding(found.ok, f"AIMINDSET_PROJECT_URL: {found.sentence}")


def _keys(settings: AimindsetSettings) -> Iterator[Finding]:
    """Is the recipient one, and can what is encrypted to it be opened with the identity?"""
    import pyrage

    recipient, identity = settings.archive_age_recipient, settings.archive_age_identity
    try:
        known = pyrage.x25519.Recipient.from_str(recipient.strip()) if recipient else None
    except Exception:  # the library's own error type carries the text that it was given
        yield Finding(False, "ARCHIVE_AGE_RECIPIENT: it is no age recipient; it begins with age1")
        return
    try:
        key = pyrage.x25519.Identity.from_str(identity.get_secret_value().strip()) if identity else None
    except Exception:
        yield Finding(False, "ARCHIVE_AGE_IDENTITY: it is no age identity; it begins with AGE-SECRET-KEY-1")
        return
    if known is None:
        yield Finding(True, "ARCHIVE_AGE_RECIPIENT is not set: archives are not encrypted")
    elif key is None:
        yield Finding(
            True,
            "ARCHIVE_AGE_IDENTITY is not set: archives are compared by checksums only, and no drill can restore one",
        )
    elif str(key.to_public()) != str(known):
        yield Finding(
            False,
            "ARCHIVE_AGE_IDENTITY: it does not belong to ARCHIVE_AGE_RECIPIENT, so no archive could be opened with it:"
            " set both to the two halves of one key",
        )
    else:
        yield Finding(True, "ARCHIVE_AGE_IDENTITY: it opens what is encrypted to ARCHIVE_AGE_RECIPIENT")


def _scratch(url: str) -> Finding:
    """Can a drill make its database there?"""
    name = "SCRATCH_DATABASE_URL"
    try:
        with postgres.connect(url, what="the server for drills") as connection:
            row = connection.execute(
                "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
            ).fetchone()
    except SyncError as error:
        return Finding(False, f"{name}: {error}")
    if row != (True,):
        return Finding(
            False, f"{name}: its role may not create databases, which a drill needs: grant CREATEDB"
        )
    return Finding(True, f"{name}: a drill can make its database there")
