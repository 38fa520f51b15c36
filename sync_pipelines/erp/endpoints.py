"""What the receiver serves for the ERP sync: the button of the old screen, for the person whose connection it is."""

from __future__ import annotations

from sync_pipelines.erp.button import SyncButton
from sync_pipelines.erp.button_processes import MOST_AT_ONCE, SyncProcesses
from sync_pipelines.erp.vendors.registry import VENDORS
from sync_pipelines.lib.http.endpoints import FUNCTIONS_PATH, PERSON, Credentials, Endpoint, Mount, Setting
from sync_pipelines.settings.erp import ErpSettings

NAME = "erp-sync"
LONGEST_BODY = 16 << 10  # bytes
#: Those that wait for a sync of theirs, and as many again that are answered at once.
AT_ONCE = 2 * MOST_AT_ONCE


def endpoints(settings: ErpSettings) -> Mount:
    """`erp-sync`, where the database is known and a person's token can be verified."""
    secret = settings.erp_functions_jwt_secret
    credentials = Credentials(
        project="the erp project",
        shared_secret=Setting("a shared secret"),
        signing_secret=Setting("ERP_FUNCTIONS_JWT_SECRET", secret.get_secret_value() if secret else None),
        project_url=Setting("ERP_PROJECT_URL", settings.erp_project_url),
    )
    absent = Mount(
        credentials,
        absent="the button of the ERP screen (erp-sync) needs ERP_DATABASE_URL, and ERP_FUNCTIONS_JWT_SECRET or"
        " ERP_PROJECT_URL to verify who presses it",
    )
    if settings.erp_database_url is None or not any(one.value for one in credentials.settings):
        return absent
    return mounted(
        SyncButton(settings.erp_url, SyncProcesses(settings.erp_url), served=VENDORS), credentials, settings
    )


def mounted(button: SyncButton, credentials: Credentials, settings: ErpSettings) -> Mount:
    """The button behind its address."""
    return Mount(
        credentials,
        endpoints=[
            Endpoint(
                FUNCTIONS_PATH + NAME,
                handler=button.press,
                roles=PERSON,
                max_bytes=LONGEST_BODY,
                at_once=AT_ONCE,
            )
        ],
        origins=_listed(settings.erp_screen_origins),
        proxies=_listed(settings.erp_trusted_proxies),
        on_stop=button.processes.stop,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (one.strip() for one in text.split(","))))
