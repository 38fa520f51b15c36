"""What the receiver serves for the lead push: the functions of the old screen, and the webhook of the reverse sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sync_pipelines.lib.http.endpoints import (
    FUNCTIONS_PATH,
    SIGNED_IN,
    Answer,
    Credentials,
    Endpoint,
    Mount,
    Setting,
)
from sync_pipelines.scouter import edge_functions
from sync_pipelines.scouter.export_jobs.edge_function import export_function
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.reverse.webhook import receive_change
from sync_pipelines.settings.scouter import ScouterSettings

EXPORT = "export-to-gestao-scouter-batch"
VALIDATE_SCHEMA = "validate-gestao-scouter-schema"
VALIDATE_CONFIG = "validate-gestao-scouter-config"
RELOAD = "reload-gestao-scouter-schema-cache"
#: A reload of the destination's cache takes up to half a minute.
AT_ONCE = 4
WEBHOOK = Endpoint(
    f"{FUNCTIONS_PATH}sync-from-gestao-scouter", handler=receive_change, takes_shared_secret=True
)


def endpoints(settings: ScouterSettings) -> Mount:
    """The screen's functions where TabuladorMax is known, the webhook where the reverse sync is on."""
    return Mount(
        credentials=Credentials(
            project="TabuladorMax",
            shared_secret=_setting(settings, "scouter_webhook_secret"),
            signing_secret=_setting(settings, "tabuladormax_jwt_secret"),
            project_url=_setting(settings, "tabuladormax_project_url"),
            audience=settings.scouter_receiver_audience,
        ),
        endpoints=[
            *([WEBHOOK] if settings.scouter_way_back else []),
            *(
                screen_functions(LeadPush.from_settings(settings))
                if settings.tabuladormax_database_url
                else []
            ),
        ],
        absent="TABULADORMAX_DATABASE_URL, whose screen would be answered, is not set, and the reverse sync is off"
        " (SCOUTER_WAY_BACK=true switches it on)",
        origins=tuple(filter(None, settings.scouter_screen_origins.split(","))),
        proxies=tuple(filter(None, settings.scouter_trusted_proxies.split(","))),
    )


def screen_functions(push: LeadPush) -> Sequence[Endpoint]:
    """The Edge Functions that the old screen calls."""
    return [
        _function(EXPORT, export_function(push.source)),
        _function(VALIDATE_SCHEMA, lambda _: edge_functions.validate_schema(push)),
        _function(VALIDATE_CONFIG, lambda _: edge_functions.validate_config(push)),
        _function(RELOAD, lambda _: edge_functions.reload(push)),
    ]


def _function(name: str, answer: Callable[[Any], Answer]) -> Endpoint:
    """A function that the screen calls as the person who is signed in; `answer` takes its JSON document."""
    return Endpoint(
        FUNCTIONS_PATH + name,
        handler=lambda call: answer(call.document),
        roles=SIGNED_IN,
        may_be_empty=True,
        at_once=AT_ONCE,
    )


def _setting(settings: ScouterSettings, name: str) -> Setting:
    is_set = getattr(settings, name) is not None
    return Setting(name.upper(), settings.require(name) if is_set else None)
