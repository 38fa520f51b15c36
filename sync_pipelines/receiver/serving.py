"""The receiver put together from the settings, and served."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from starlette.applications import Starlette

from sync_pipelines.lib import redaction
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.json import JsonClient
from sync_pipelines.lib.http.key_set import KeySet
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.app import Answer, Options, Receiver, Store
from sync_pipelines.receiver.limits import networks_of
from sync_pipelines.receiver.tokens import Guard
from sync_pipelines.scouter.reverse.inbox import LeadStore
from sync_pipelines.settings.scouter import ScouterSettings


def build(
    settings: ScouterSettings,
    *,
    screen: Mapping[str, Answer] | None = None,
    options: Options | None = None,
    store: Store | None = None,
    client: Callable[[], JsonClient] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The application under these settings; `screen` answers the old screen, `client` fetches the key set.

    Raises PermanentError where a secret is too short to be one.
    """
    project = settings.tabuladormax_project_url
    keys = KeySet(project, client or _key_client, monotonic) if project else None
    guard = Guard(
        webhook_secret=_secret(settings, "scouter_webhook_secret"),
        signing_secret=_secret(settings, "tabuladormax_jwt_secret"),
        keys=keys,
        now=clock,
    )
    kept = store or LeadStore(InboxPool(settings.ops_url))
    receiver = Receiver(
        guard,
        kept,
        screen=screen,
        webhook=settings.scouter_way_back,
        options=options or options_of(settings),
        monotonic=monotonic,
    )
    return receiver.application()


def options_of(settings: ScouterSettings) -> Options:
    """The usual limits, with the origins and the proxies that the settings name."""
    return Options(
        origins=tuple(filter(None, settings.scouter_screen_origins.split(","))),
        proxies=networks_of(settings.scouter_trusted_proxies),
    )


def serve(
    settings: ScouterSettings,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    screen: Mapping[str, Answer] | None = None,
    options: Options | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. TLS is the reverse proxy's, which SCOUTER_TRUSTED_PROXIES names.

    Raises PermanentError where nothing could ever be accepted: there is nothing to answer, or no secret is set.
    """
    import uvicorn

    if not settings.scouter_way_back and not screen:
        raise PermanentError(
            "There is nothing to serve: TABULADORMAX_DATABASE_URL, whose screen would be answered, is not set, and the"
            " way back is off (SCOUTER_WAY_BACK=true switches it on)."
        )
    ways = ("scouter_webhook_secret", "tabuladormax_jwt_secret", "tabuladormax_project_url")
    if not any(getattr(settings, name) for name in ways):
        raise PermanentError(
            f"Every call would be refused: none of {', '.join(name.upper() for name in ways)} is set."
        )
    redaction.install_logging()
    uvicorn.run(
        build(settings, screen=screen, options=options),
        host=host,
        port=port,
        http="h11",  # bounds the headers' size
        ws="none",
        lifespan="on",
        # Its lines hold whole URLs; what matters of a request is said by the application.
        access_log=False,
        server_header=False,
        proxy_headers=False,  # it would trust whoever calls from this machine
        limit_concurrency=200,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
    )


def _key_client() -> JsonClient:
    return JsonClient(
        name="TabuladorMax's key set",
        url_setting="TABULADORMAX_PROJECT_URL",
        timeouts=Timeouts(connect=3.0, read=5.0, total=5.0),
    )


def _secret(settings: ScouterSettings, name: str) -> str | None:
    return settings.require(name) if getattr(settings, name) is not None else None
