"""JSON over HTTP, whose answer the caller judges: here no status is an error, only a missing answer is."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sync_pipelines.lib.failures import retry_after_seconds
from sync_pipelines.lib.http.client import HttpClient
from sync_pipelines.lib.redaction import register

if TYPE_CHECKING:
    import httpx

LARGEST_ANSWER = 1 << 20  # bytes


class JsonAnswer(NamedTuple):
    """An answer: `body` is its parsed JSON, None unless `is_json`."""

    status: int
    body: object
    is_json: bool
    retry_after: float | None = None


class JsonClient(HttpClient):
    """An HttpClient for JSON. A POST is made once: only its caller knows what a second one would do."""

    def post_json(self, url: str, body: object, *, headers: Mapping[str, str] | None = None) -> JsonAnswer:
        """POST `body`; raises SyncError if no whole answer came. Later requests send the cookies of the answer."""
        return self._exchange("POST", url, headers, json=body)

    def get_json(self, url: str, *, headers: Mapping[str, str] | None = None) -> JsonAnswer:
        """GET, once; raises SyncError if no whole answer came."""
        return self._exchange("GET", url, headers, json=None)

    def _exchange(self, method: str, url: str, headers: Mapping[str, str] | None, json: Any) -> JsonAnswer:
        what = self._checked(url, method)
        response, content = self._whole(
            what, method, url, headers=headers or {}, largest=LARGEST_ANSWER, json=json
        )
        return json_answer(response, content, self._now())


def json_answer(response: "httpx.Response", content: bytes, now: datetime) -> JsonAnswer:
    """What an answer says; the redactor learns its cookies."""
    for cookie in response.cookies.values():
        register(cookie)
    wait = retry_after_seconds(response.headers, now)
    try:
        body = json.loads(content.decode())
    except ValueError:
        return JsonAnswer(status=response.status_code, body=None, is_json=False, retry_after=wait)
    return JsonAnswer(status=response.status_code, body=body, is_json=True, retry_after=wait)
