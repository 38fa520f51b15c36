"""Bling's answers: what one means, its lists until they end, its details (contract of the ERPs, section 5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from sync_pipelines.erp.vendors.bling_rows import Row, id_of
from sync_pipelines.erp.vendors.oauth import ExpiredTokenError, TokenCalls
from sync_pipelines.erp.vendors.session import BlockedError
from sync_pipelines.erp.vendors.uncounted import UncountedList
from sync_pipelines.erp.vendors.values import group, text_of
from sync_pipelines.erp.vendors.vendor import Page
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
    from_http_status,
)
from sync_pipelines.lib.http.json import JsonAnswer

NAME = "Bling"
PAGE_SIZE = 100
TOO_MANY = "TOO_MANY_REQUESTS"
#: Seconds: after the quota of a day, which the next sync tries again; after a block of the address.
DAY_IS_OVER, ADDRESS_IS_BLOCKED = 3600.0, 600.0
#: How often a list is read that changes meanwhile.
_MOST_PASSES = 3


def body_of(answer: JsonAnswer) -> Row:
    return answer.body if isinstance(answer.body, Mapping) else {}


def judge(answer: JsonAnswer) -> SyncError | None:
    """The error that an answer means, or None: also for a 404. Quotes nothing but the error's type and field names."""
    error = group(body_of(answer), "error")
    what = f"{NAME} ({_quotable(error)})" if error else NAME
    if answer.status == 401:
        return ExpiredTokenError(f"{what} does not accept the access token (401).")
    # With which status a blocked address is refused is not documented.
    if answer.status == 429 or text_of(error, "type") == TOO_MANY or (answer.status == 403 and not error):
        return _throttled(answer.status, text_of(error, "period"), answer.retry_after)
    if answer.status == 403:
        return RefusedError(
            f"{what} does not let the app make this call (403). Grant it the access, and connect the account again.",
            403,
        )
    if answer.status == 404:
        return None
    if answer.status != 200:
        return from_http_status(answer.status, what=what, retry_after=answer.retry_after, setting="BLING_URL")
    if not isinstance(answer.body, Mapping) or not isinstance(answer.body.get("data"), list | Mapping):
        return TransientError(f"{NAME} answered without the data that was asked for, or with a part of it.")
    return None


def _throttled(status: int, period: str | None, retry_after: float | None) -> SyncError:
    if period == "second":
        return ThrottledError(
            f"{NAME} asks for fewer calls a second ({status}).", retry_after=retry_after or 1.0
        )
    if period == "day":
        wait = retry_after or DAY_IS_OVER
        return BlockedError(f"{NAME}: the account has no calls left today ({status}).", retry_after=wait)
    wait = retry_after or ADDRESS_IS_BLOCKED
    return BlockedError(f"{NAME} takes no calls from our address for a while ({status}).", retry_after=wait)


def _quotable(error: Row) -> str:
    fields = error.get("fields")
    names = (
        [text_of(one, "element") for one in fields if isinstance(one, Mapping)]
        if isinstance(fields, list)
        else []
    )
    words = [
        word for word in (text_of(error, "type"), *names) if word and re.fullmatch(r"[\w.\[\]-]{1,40}", word)
    ]
    return ", ".join(words) or "without a type"


class Detail(NamedTuple):
    """A detail, None if it is gone (404), and the answer that had it."""

    row: Row | None
    raw: bytes


NOT_NEEDED = Detail({}, b"")


class CancelledRows(NamedTuple):
    """How cancelled rows of a list are asked for, and told apart. `what` names the rows in errors."""

    query: Mapping[str, str]
    is_one: Callable[[Row], bool]
    what: str


@dataclass
class BlingAnswers:
    """The lists and details of an account. Threads may share it."""

    http: TokenCalls

    def found(self, path: str, query: Mapping[str, str] | None = None) -> JsonAnswer:
        """An answer that is there whatever the account holds."""
        answer = self.http.get(path, path, query)
        if answer.status == 404:
            raise PermanentError(f"{NAME} has no such call (404). Check BLING_URL.")
        return answer

    def detail(self, path: str, number: str) -> Detail:
        """What a list leaves out of a row."""
        answer = self.http.get(f"{path}/{{id}}", f"{path}/{quote(number, safe='')}")
        if answer.status == 404:
            return Detail(None, answer.content)
        row = group(body_of(answer), "data")
        if id_of(row) != number:
            raise TransientError(f"{NAME} ({path}/{number}) answered with another one.")
        return Detail(row, answer.content)

    def pages(self, path: str, query: Mapping[str, str]) -> Iterator[Page[Row]]:
        """A list."""

        def ask(number: int) -> JsonAnswer:
            return self.found(path, {"pagina": str(number), "limite": str(PAGE_SIZE), **query})

        return UncountedList(f"{NAME} ({path})", "data", PAGE_SIZE).pages(ask)

    def in_every_state(
        self, path: str, query: Mapping[str, str], cancelled: CancelledRows
    ) -> Iterator[Page[Row]]:
        """Rows in every state but cancelled, then the cancelled; again if one changed from these to those meanwhile.

        Then the pages behind it moved up, and what was the first of a page is in none.
        """
        for _ in range(_MOST_PASSES):
            listed, void = set[str](), set[str]()
            for page in self.pages(path, query):
                listed |= {id_of(row) for row in page.items if not cancelled.is_one(row)}
                yield page
            for page in self.pages(path, {**query, **cancelled.query}):
                void |= {id_of(row) for row in page.items if cancelled.is_one(row)}
                yield page
            if not listed & void:
                return
        raise TransientError(f"{NAME}: {cancelled.what} were cancelled each time that the list was read.")
