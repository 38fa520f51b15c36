"""A page of a segment's list (contract of SprintHub, section 2.1): less than the detail has, and otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from sync_pipelines.sandbox.sprinthub.lead import SELLERS
from sync_pipelines.sandbox.sprinthub.tenant import Tenant

#: What the list knows of a lead. There are no phones and no first name; asking for others gives nothing.
FIELDS = (
    *("id", "fullname", "photoUrl", "email", "points", "city", "state", "country", "lastActive", "archived"),
    *("owner", "companyData", "createDate"),
)
_SELECTION = re.compile(r"leads\s*\{(.*)\}", re.DOTALL)
_NESTED = re.compile(r"\{[^{}]*\}")


class InvalidRequestError(ValueError):
    """The body is none that the CRM takes."""


@dataclass(frozen=True)
class Wanted:
    """The body of a request for a page; `page` counts from zero."""

    page: int
    limit: int
    query: str
    ascending: bool = False
    archived: bool = False
    id_only: bool = False
    search: str = ""

    @classmethod
    def parse(cls, body: Any, max_limit: int) -> Self:
        """A limit beyond `max_limit` is lowered. Raises InvalidRequestError without page, limit or projection."""
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            raise InvalidRequestError
        page, limit = body.get("page"), body.get("limit")
        if not isinstance(page, int) or not isinstance(limit, int) or page < 0 or limit < 1:
            raise InvalidRequestError
        if body.get("orderByKey", "createDate") != "createDate":
            raise InvalidRequestError
        return cls(
            page=page,
            limit=min(limit, max_limit),
            query=body["query"],
            ascending=str(body.get("orderByDirection", "desc")).lower() == "asc",
            archived=bool(body.get("showArchived")),
            id_only=bool(body.get("idOnly")),
            search=str(body.get("search") or ""),
        )


def page(tenant: Tenant, segment_id: int, wanted: Wanted) -> dict[str, Any]:
    """`total` and `leads` of one page; only what the projection names."""
    members = tenant.visible(segment_id, archived=wanted.archived)
    if wanted.search:
        members = [each for each in members if _has(tenant.detail(each), wanted.search)]
    start, end = wanted.page * wanted.limit, (wanted.page + 1) * wanted.limit
    if not wanted.ascending:
        start, end = max(0, len(members) - end), max(0, len(members) - start)
    chosen: Iterable[int] = members[start:end]
    if not wanted.ascending:
        chosen = reversed(list(chosen))
    asked = frozenset({"id"}) if wanted.id_only else fields_of(wanted.query)
    answer: dict[str, Any] = {"total": len(members)} if asks_for_total(wanted.query) else {}
    return answer | {"leads": [item(tenant.detail(each), asked) for each in chosen]}


def item(detail: dict[str, Any], asked: frozenset[str]) -> dict[str, Any]:
    """A lead as the list has it: the owner is a name, the company an object, `archived` a number for some."""
    number, owner, company = detail["id"], detail.get("owner"), detail.get("company")
    listed = {name: detail.get(name) for name in FIELDS}
    listed["owner"] = {"completName": SELLERS[owner % 4]} if isinstance(owner, int) else None
    listed["companyData"] = {"companyname": company} if company else None
    archived = detail["archived"] in (True, "1", "true")
    listed["archived"] = int(archived) if number % 2 else archived
    return {name: value for name, value in listed.items() if name in asked}


@lru_cache(maxsize=32)
def fields_of(query: str) -> frozenset[str]:
    """The fields of a lead that a projection names."""
    selection = _SELECTION.search(query)
    return frozenset(re.findall(r"\w+", _NESTED.sub("", selection[1]))) if selection else frozenset()


@lru_cache(maxsize=32)
def asks_for_total(query: str) -> bool:
    """Whether the outer selection names `total`."""
    return re.search(r"\btotal\b", _SELECTION.sub("", query)) is not None


def _has(detail: dict[str, Any], text: str) -> bool:
    return any(text.lower() in str(detail.get(name) or "").lower() for name in ("fullname", "email"))
