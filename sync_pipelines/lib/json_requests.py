"""JSON over HTTP, whose answer the caller judges: here a status is no error, only silence is."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sync_pipelines.lib.downloads import Watch
from sync_pipelines.lib.failures import PermanentError, from_http_error, retry_after_seconds
from sync_pipelines.lib.http import HttpClient
from sync_pipelines.lib.redaction import register

LARGEST_ANSWER = 1 << 20  # bytes


class JsonAnswer(NamedTuple):
    """An answer: `body` is what its JSON says, None where `is_json` is not true."""

    status: int
    body: object
    is_json: bool
    retry_after: float | None = None


class JsonClient(HttpClient):
    """An HttpClient for JSON. A POST is made once: only its caller knows what a second would do."""

    def post_json(self, url: str, body: object, *, headers: Mapping[str, str] | None = None) -> JsonAnswer:
        """POST `body`; raises SyncError when no whole answer came. Cookies of the answer go with later requests."""
        return self._exchange("POST", url, headers, json=body)

    def get_json(self, url: str, *, headers: Mapping[str, str] | None = None) -> JsonAnswer:
        """GET, once; raises SyncError when no whole answer came."""
        return self._exchange("GET", url, headers)

    def _exchange(self, method: str, url: str, headers: Mapping[str, str] | None, **sent: Any) -> JsonAnswer:
        import httpx

        what = self._checked(url, method)
        watch = Watch(what, self._clock, self._timeouts.total, self._wait_notice_seconds, None)
        request = self._client.build_request(
            method, url, headers=dict(headers or {}), extensions={"trace": watch.trace}, **sent
        )
        content = bytearray()
        try:
            with watch, contextlib.closing(self._client.send(request, stream=True)) as response:
                watch.hold(response.extensions.get("network_stream"))
                for chunk in response.iter_bytes():
                    watch.tick()
                    content += chunk
                    if len(content) > LARGEST_ANSWER:
                        raise PermanentError(f"{what}: the answer is longer than {LARGEST_ANSWER} bytes.")
        except httpx.HTTPError as error:
            if watch.is_late():
                raise watch.lateness() from None
            raise from_http_error(error, what=what, ca_setting=self._ca_setting) from None
        for cookie in response.cookies.values():
            register(cookie)
        wait = retry_after_seconds(response.headers, self._now())
        try:
            return JsonAnswer(response.status_code, json.loads(content.decode()), True, wait)
        except ValueError:
            return JsonAnswer(response.status_code, None, False, wait)
