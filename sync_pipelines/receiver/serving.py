"""The receiver, put together from what the systems mount, and served."""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import Thread
from types import FrameType

from starlette.applications import Starlette

from sync_pipelines.lib import redaction
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.endpoints import Credentials, Mount
from sync_pipelines.lib.http.json import JsonClient
from sync_pipelines.lib.http.key_set import KeySet
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.app import HEALTH_PATH, Mounted, Options, Receiver
from sync_pipelines.receiver.authentication import Authenticator
from sync_pipelines.receiver.limits import networks_of
from sync_pipelines.settings import Settings

#: Connections at once; a further one is answered 503. Most of them only wait, for some kilobytes each.
MOST_CONNECTIONS = 4000
#: Files that the process has open beside its connections: modules, logs, the databases.
_OTHER_FILES = 100
#: The exit status of a server that could not begin, as uvicorn's own command has it.
STARTUP_FAILURE = 3


def build(
    settings: Settings,
    mounts: Sequence[Mount],
    *,
    options: Options | None = None,
    inbox: InboxPool | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The application that serves these mounts.

    Raises PermanentError if a secret is too short to be one, or two endpoints have one path.
    """
    _refuse_shared_paths(mounts)
    mounted = []
    for mount in mounts:
        keys = _key_set(mount.credentials, monotonic)
        authenticator = Authenticator(mount.credentials, keys=keys, now=clock)
        mounted += [Mounted(endpoint, authenticator) for endpoint in mount.endpoints]
    receiver = Receiver(
        inbox or InboxPool(settings.ops_url),
        options=options or options_of(mounts),
        monotonic=monotonic,
        on_stop=[mount.on_stop for mount in mounts],
    )
    return receiver.application(mounted)


def options_of(mounts: Sequence[Mount]) -> Options:
    """The usual limits, with the origins and the proxies of the mounts."""
    return Options(
        origins=tuple(origin for mount in mounts for origin in mount.origins),
        proxies=networks_of(proxy for mount in mounts for proxy in mount.proxies),
    )


def serve(settings: Settings, mounts: Sequence[Mount], *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until SIGTERM or SIGINT. TLS is the work of the reverse proxy, which a mount names in `proxies`.

    Raises PermanentError if nothing could ever be accepted: there is no endpoint, or a mount has no secret.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """Ends what handlers have started as soon as a signal comes: it waits for the requests that wait for that."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            for mount in mounts:
                Thread(target=mount.on_stop, daemon=True).start()
            super().handle_exit(sig, frame)

    _refuse_nothing(mounts)
    redaction.install_logging()
    config = uvicorn.Config(
        build(settings, mounts),
        host=host,
        port=port,
        http="h11",  # bounds the headers' size
        ws="none",
        lifespan="on",
        # Its lines hold whole URLs; the application logs what matters of a request.
        access_log=False,
        server_header=False,
        proxy_headers=False,  # it would trust whoever calls from this machine
        limit_concurrency=_connections(),
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
    )
    server = Server(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _connections() -> int:
    """How many connections the server may have; the usual limit of 1,024 files is raised if the system allows it."""
    wanted = MOST_CONNECTIONS + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft - _OTHER_FILES)


def _refuse_nothing(mounts: Sequence[Mount]) -> None:
    served = [mount for mount in mounts if mount.endpoints]
    if not served:
        why = "; ".join(mount.absent for mount in mounts) or "no system has an endpoint"
        raise PermanentError(f"There is nothing to serve: {why}.")
    for known in (mount.credentials.settings for mount in served):
        if not any(setting.value for setting in known):
            names = ", ".join(setting.name for setting in known)
            raise PermanentError(f"Every call would be refused: none of {names} is set.")


def _refuse_shared_paths(mounts: Sequence[Mount]) -> None:
    """Only the first of two routes with one path would ever be asked."""
    served = Counter(endpoint.path for mount in mounts for endpoint in mount.endpoints)
    served[HEALTH_PATH] += 1
    if shared := [path for path, count in served.items() if count > 1]:
        raise PermanentError(f"More than one endpoint would be served at {', '.join(shared)}.")


def _key_set(credentials: Credentials, monotonic: Callable[[], float]) -> KeySet | None:
    """The public keys of a system's project, if its address is set."""
    project = credentials.project_url
    if project is None or project.value is None:
        return None

    def client() -> JsonClient:
        return JsonClient(
            name=f"{credentials.project}'s key set",
            url_setting=project.name,
            timeouts=Timeouts(connect=3.0, read=5.0, total=5.0),
        )

    return KeySet(project.value, client, monotonic, setting=project.name)
