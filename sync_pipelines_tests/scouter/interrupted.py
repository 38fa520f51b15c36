"""A transport over the real one that calls a function between two requests of a push: a person is quick there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import httpx

#: What a push asks of the destination: rows by their numbers, an upsert of leads, a change under a condition.
Kind = Literal["read", "upsert", "change"]
_METHODS: dict[str, Kind] = {"GET": "read", "POST": "upsert", "PATCH": "change"}


def kind_of(request: httpx.Request) -> Kind | None:
    """None for everything that is not about leads by number: the schema, counts, the doctor's probes."""
    if not request.url.path.endswith("/leads"):
        return None
    if request.method == "GET" and not str(request.url.params.get("id", "")).startswith("in.("):
        return None
    if request.method == "POST" and request.content == b"[]":
        return None
    return _METHODS.get(request.method)


@dataclass
class Interrupted(httpx.BaseTransport):
    """Calls `do` once, before or after the `nth` request of a kind; remembers all requests of that kind."""

    do: Callable[[], object] = lambda: None
    before: Kind | None = None
    after: Kind | None = None
    nth: int = 1
    requests: list[httpx.Request] = field(default_factory=list)
    _inner: httpx.BaseTransport | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        kind = kind_of(request)
        if kind is not None and kind in (self.before, self.after):
            self.requests.append(request)
        is_it = kind is not None and len(self.requests) == self.nth
        if is_it and kind == self.before:
            self.do()
        self._inner = self._inner or httpx.HTTPTransport()
        response = self._inner.handle_request(request)
        if is_it and kind == self.after:
            response.read()
            self.do()
        return response

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()
            self._inner = None
