"""A request as PostgREST reads it: its parts, its preferences, its body."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from sync_pipelines.lib import exact_json
from sync_pipelines.sandbox.postgrest.refusals import RefusalError

#: The values that each preference may have; of `max-affected` and `timezone` any.
_KNOWN = {
    "resolution": ("merge-duplicates", "ignore-duplicates"),
    "return": ("minimal", "headers-only", "representation"),
    "count": ("exact", "planned", "estimated"),
    "missing": ("default", "null"),
    "handling": ("strict", "lenient"),
    "tx": ("commit", "rollback"),
}
#: 12.0.2, with which the tests compare the fake, does not know this preference yet.
MAX_AFFECTED_IS_NEW = 12
#: The media type of a client that wants one object and no array.
ONE = "application/vnd.pgrst.object+json"
_MEDIA = ("*/*", "application/json", "application/*", "application/openapi+json", ONE)
_ORDER = ("resolution", "missing", "return", "count", "handling")


@dataclass(frozen=True)
class Preferences:
    """The preferences of the `Prefer` headers; the first of a kind counts."""

    words: Mapping[str, str]
    unknown: Sequence[str]

    @classmethod
    def of(cls, headers: Sequence[str]) -> Preferences:
        words: dict[str, str] = {}
        unknown = []
        for word in (word.strip() for header in headers for word in header.split(",")):
            name, _, value = word.partition("=")
            if value in _KNOWN.get(name, ()) or name == "max-affected":
                words.setdefault(name, value)
            elif word:
                unknown.append(word)
        return cls(words, unknown)

    def __getitem__(self, name: str) -> str | None:
        return self.words.get(name)

    @property
    def most_affected(self) -> int | None:
        """The most rows that a strict client allows to be written, if it gives a limit."""
        most = self["max-affected"] or ""
        return int(most) if self["handling"] == "strict" and most.isdigit() else None

    def check(self, version: int) -> None:
        """Refuse an unknown preference if the client asks for strict handling."""
        new = [f"max-affected={self['max-affected']}"] if self["max-affected"] is not None else []
        unknown = [*self.unknown, *(new if version <= MAX_AFFECTED_IS_NEW else [])]
        if unknown and self["handling"] == "strict":
            raise RefusalError(
                400,
                "PGRST122",
                "Invalid preferences given with handling=strict",
                details=f"Invalid preferences: {', '.join(unknown)}",
            )

    def applied(self, *names: str) -> dict[str, str]:
        """The header that lists which of these were honoured."""
        honoured = [f"{name}={self.words[name]}" for name in _ORDER if name in names and name in self.words]
        return {"Preference-Applied": ", ".join(honoured)} if honoured else {}


@dataclass(frozen=True)
class Asked:
    """One request below the root of the API; `query` in its order, with names and values decoded."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    prefer: Preferences = field(default_factory=lambda: Preferences({}, ()))
    body: bytes = b""

    @classmethod
    async def of(cls, request: Request, path: str) -> Asked:
        """A request that came, under its path below the root of the API."""
        return cls(
            method=request.method,
            path=path,
            query=parse_qsl(request.url.query, keep_blank_values=True),
            headers=request.headers,
            prefer=Preferences.of(request.headers.getlist("prefer")),
            body=await request.body(),
        )

    def check_media(self, status: int) -> None:
        """Refuse media types that the fake neither writes nor reads."""
        accept = self.headers.get("accept", "*/*")
        if not any(media in accept for media in _MEDIA):
            raise RefusalError(status, "PGRST107", f"None of these media types are available: {accept}")
        kind = self.headers.get("content-type", "application/json")
        if self.body and self.method in ("POST", "PATCH") and "json" not in kind:
            raise RefusalError(400, "PGRST102", f"Content-Type not acceptable: {kind}")

    def parameter(self, name: str) -> str | None:
        """The last of this name."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    @property
    def reads(self) -> bool:
        return self.method in ("GET", "HEAD")

    @property
    def wants_one(self) -> bool:
        """Whether the client asks for one object in place of an array."""
        return ONE in self.headers.get("accept", "")

    @cached_property
    def text(self) -> str:
        """The body as it goes to the database."""
        return self.body.decode(errors="replace")

    @cached_property
    def parsed(self) -> Any:
        """The body as JSON; RefusalError if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise RefusalError(400, "PGRST102", "Empty or invalid json") from None
        except RecursionError:  # PostgREST reads what is nested deeper than Python does
            return [_flat(row) for row in exact_json.parts(self.body)]

    @cached_property
    def rows(self) -> list[Any]:
        """The rows of the body: the elements of an array, or one object; anything else has none."""
        try:
            parsed = self.parsed
        except RefusalError:
            return []
        return parsed if isinstance(parsed, list) else [parsed] if isinstance(parsed, dict) else []

    def keys(self) -> list[int]:
        """The `id` of each row that has one."""
        return [row["id"] for row in self.rows if isinstance(row, dict) and isinstance(row.get("id"), int)]


def _flat(row: bytes) -> dict[str, Any]:
    """An object by its keys, its values as texts but for whole numbers."""
    members = (member.partition(b":") for member in exact_json.parts(row))
    return {
        json.loads(name): int(value) if value.lstrip(b"-").isdigit() else value for name, _, value in members
    }
