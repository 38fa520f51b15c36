"""The export server in a background thread, for tests."""

from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

import uvicorn

from sync_pipelines.sandbox.client_connection import CuttableProtocol
from sync_pipelines.sandbox.hitss.app import Upstream, create_app
from sync_pipelines.sandbox.hitss.auth import Authentication, Mode
from sync_pipelines.sandbox.hitss.cache import WorkbookCache
from sync_pipelines.sandbox.hitss.export import ExportProfile, Row, generate
from sync_pipelines.sandbox.hitss.faults import Value
from sync_pipelines.sandbox.hitss.request import download_url
from sync_pipelines.sandbox.servers import listen


def make_server(state: Upstream, tls: tuple[Path, Path] | None = None) -> uvicorn.Server:
    """A silent uvicorn around the application; `tls` is a certificate file and its key file."""
    config = uvicorn.Config(
        create_app(state),
        http=CuttableProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # its lines hold the query string, which is the secret
        server_header=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    return uvicorn.Server(config)


class HitssFake:
    """`with HitssFake(...) as hitss:` serves a profile, or given rows, on a free port of this machine."""

    def __init__(
        self,
        profile: ExportProfile | None = None,
        *,
        rows: Sequence[Row] | None = None,
        wait_seconds: float = 0.0,
        tls: tuple[Path, Path] | None = None,
        cache: Path | None = None,
        auth: Mode = "none",
    ) -> None:
        """Nothing is generated before the first request; the default profile is a twentieth of the real."""
        chosen = profile or ExportProfile(scale=0.05)
        given = list(rows) if rows is not None else None
        self.upstream = Upstream(
            rows=lambda: given if given is not None else generate(chosen),
            name=repr(chosen) if given is None else "given rows",
            wait_seconds=wait_seconds,
            cache=WorkbookCache(cache if given is None else None),
            auth=Authentication(auth),
        )
        self._tls = tls
        self._revision = 0

    def __enter__(self) -> Self:
        """Listen, then serve in a thread."""
        self._line = listen("127.0.0.1", 0)
        self.port: int = self._line.getsockname()[1]
        self.base_url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        self._server = make_server(self.upstream, self._tls)
        self._thread = Thread(target=self._server.run, args=([self._line],), name="hitss-fake")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and wait until the thread has ended."""
        self._server.should_exit = True
        self._thread.join()

    @property
    def download_url(self) -> str:
        """The whole URL as a vault would hold it, with {inicio} and {fim} in place of the months."""
        return download_url(self.base_url, self.upstream.caller)

    @property
    def rows(self) -> Sequence[Row]:
        """Every row that the upstream has, faults apart."""
        return self.upstream.all_rows

    def serve_rows(self, rows: Sequence[Row]) -> None:
        """From now on the upstream has these rows."""
        self._revision += 1
        self.upstream.name = f"given rows {self._revision}"
        self.upstream.cache = WorkbookCache()
        self.upstream.all_rows = list(rows)

    def url(self, start: str = "09-2016", end: str = "08-2025") -> str:
        """The URL of one window, both months `MM-YYYY` and inclusive."""
        return download_url(self.base_url, self.upstream.caller, start, end=end)

    def fault(self, name: str, *, times: int | None = None, **params: Value) -> None:
        """Switch a fault on for the next `times` requests, or until `clear`."""
        self.upstream.faults.add(name, times, params)

    def clear(self) -> None:
        """Switch every fault off."""
        self.upstream.faults.clear()

    def state(self) -> dict[str, Any]:
        """Calls so far, the last window, what is switched on."""
        return self.upstream.state()
