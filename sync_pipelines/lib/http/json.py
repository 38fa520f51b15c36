"""JSON over HTTP, whose answer the caller judges: here a status is no error, only silence is."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sync_pipelines.lib.failures import retry_after_seconds
from sync_pipelines.lib.http.client import HttpClient
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
        what = self._checked(url, method)
        response, content = self._whole(
            what, method, url, headers=headers or {}, largest=LARGEST_ANSWER, **sent
        )
        for cookie in response.cookies.values():
            register(cookie)
        wait = retry_after_seconds(response.headers, self._now())
        try:
            return JsonAnswer(
                status=response.status_code, body=json.loads(content.decode()), is_json=True, retry_after=wait
            )
        except ValueError:
            return JsonAnswer(status=response.status_code, body=None, is_json=False, retry_after=wait)
