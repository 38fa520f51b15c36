"""A CRM with one segment, 9, of 25 leads, and a client that calls it as the application did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake

#: The projection of the application (contract, section 2.1).
QUERY = (
    "{total leads{id fullname photoUrl email points city state country lastActive archived owner{completName}"
    " companyData{companyname} createDate}}"
)
SEGMENT = 9


@dataclass
class Caller:
    """A client of a fake; `leads` are the numbers of the segment's leads, oldest first."""

    crm: SprinthubFake
    http: httpx.Client
    leads: list[int]

    def page(self, page: int, limit: int = 10, **body: Any) -> httpx.Response:
        """A page of the segment as the application asked for it."""
        wanted = {
            "page": page,
            "limit": limit,
            "orderByKey": "createDate",
            "orderByDirection": "desc",
            "showAnon": False,
            "search": "",
            "query": QUERY,
            "showArchived": False,
            "additionalFilter": None,
            "idOnly": False,
        }
        return self.http.post(f"/leadsfromtype/segment/{SEGMENT}", json={**wanted, **body})

    def ids(self, page: int, limit: int = 10, **body: Any) -> list[int]:
        return [lead["id"] for lead in self.page(page, limit, **body).json()["data"]["leads"]]

    def detail(self, lead_id: int) -> httpx.Response:
        return self.http.get(f"/leads/{lead_id}", params={"allFields": "1"})

    def lead(self, lead_id: int) -> Any:
        return self.detail(lead_id).json()["data"]["lead"]


@pytest.fixture
def new_caller() -> Iterator[Callable[..., Caller]]:
    with ExitStack() as opened:

        def make(leads: int = 25, **options: Any) -> Caller:
            crm = opened.enter_context(SprinthubFake(**options))
            http = httpx.Client(
                base_url=crm.url,
                params={"i": crm.instance},
                headers={"apitoken": crm.token},
                timeout=httpx.Timeout(10.0),
            )
            opened.enter_context(http)
            return Caller(crm, http, crm.tenant.add_segment(SEGMENT, leads))

        yield make


@pytest.fixture
def caller(new_caller: Callable[..., Caller]) -> Caller:
    return new_caller()
