"""JSON over HTTP. No status is an error here, only a missing answer is, and what the client's judge calls one."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from msgspec.json import Decoder

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.failures import SyncError, ThrottledError, retry_after_seconds
from sync_pipelines.lib.http.client import HttpClient
from sync_pipelines.lib.redaction import register

if TYPE_CHECKING:
    import httpx

LARGEST_ANSWER = 1 << 20  # bytes
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_QUICK = Decoder()


class JsonAnswer(NamedTuple):
    """An answer: `body` is its parsed JSON, None unless `is_json`; `content` is the body as it came.

    `headers` are found by their names in lower case.
    """

    status: int
    body: object
    is_json: bool
    retry_after: float | None = None
    content: bytes = b""
    headers: Mapping[str, str] = _NO_HEADERS


#: What an API means by an answer: an error of ours, or none where the caller is to read it.
Judge = Callable[[JsonAnswer], SyncError | None]


class Limit(Protocol):
    """What decides when the next call may be made, such as a `budget.Budget`."""

    def wait(self) -> float:
        """Return once a call may be made: the seconds that were waited. Raises SyncError if that is too late."""

    def block(self, seconds: float) -> None:
        """Let nobody who shares the limit call for so long."""


class JsonClient(HttpClient):
    """An HttpClient for JSON. A POST is made once: only its caller knows what a second one would do.

    `judge` brings along how an API says that something is wrong, for instance in a 200 or a 401. Each attempt waits for
    `budget`, and a ThrottledError of the judge blocks it: for its `retry_after`, else for `throttle_seconds`. A login
    of `auth` is not counted. With `exact` a number with a point is a Decimal.
    """

    def __init__(
        self,
        *,
        judge: Judge | None = None,
        budget: Limit | None = None,
        throttle_seconds: float = 60.0,
        exact: bool = False,
        largest: int = LARGEST_ANSWER,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._judge, self._budget, self._throttle_seconds = judge, budget, throttle_seconds
        self._exact, self._largest = exact, largest

    def post_json(self, url: str, body: object, *, headers: Mapping[str, str] | None = None) -> JsonAnswer:
        """POST `body`; raises SyncError if no whole answer came, or if the judge says so.

        Later requests send the cookies of the answer.
        """
        return self._exchange("POST", url, headers, json=body)

    def post_form(
        self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> JsonAnswer:
        """POST the fields of a form, once; raises SyncError if no whole answer came, or if the judge says so."""
        return self._exchange("POST", url, headers, data=dict(fields))

    def get_json(self, url: str, *, headers: Mapping[str, str] | None = None) -> JsonAnswer:
        """GET, once; raises SyncError if no whole answer came, or if the judge says so."""
        return self._exchange("GET", url, headers)

    def _exchange(self, method: str, url: str, headers: Mapping[str, str] | None, **sent: Any) -> JsonAnswer:
        what, target = self._checked(url, method)
        if self._budget is not None:
            self._budget.wait()
        response, content = self._whole(
            what, method, target, headers=headers or {}, largest=self._largest, **sent
        )
        answer = json_answer(response, content, self._now(), exact=self._exact)
        problem = self._judge(answer) if self._judge is not None else None
        if problem is None:
            return answer
        # The key is throttled, not this thread: everybody who shares it waits.
        if isinstance(problem, ThrottledError) and self._budget is not None:
            wait = problem.retry_after
            self._budget.block(self._throttle_seconds if wait is None else wait)
        raise problem


def json_answer(
    response: "httpx.Response", content: bytes, now: datetime, *, exact: bool = False
) -> JsonAnswer:
    """What an answer says, read by `exact_json.loads_odd` if `exact`; the redactor learns its cookies."""
    if "set-cookie" in response.headers:  # to look for cookies takes a tenth of a call's time
        for cookie in response.cookies.values():
            register(cookie)
    wait = retry_after_seconds(response.headers, now)
    try:
        body, is_json = _parse(content, exact), True
    except (ValueError, RecursionError):
        body, is_json = None, False
    return JsonAnswer(
        response.status_code,
        body,
        is_json=is_json,
        retry_after=wait,
        content=content,
        headers=response.headers,
    )


def _parse(content: bytes, exact: bool) -> object:
    """The value of a JSON text; ValueError if it is none.

    The standard library reads what our quick reader refuses: half of an emoji that a program cut, a number beyond a
    double. Such a value must not cost the rest of the answer.
    """
    if exact:
        return exact_json.loads_odd(content)
    try:
        return _QUICK.decode(content)
    except ValueError:
        return json.loads(content.decode())
