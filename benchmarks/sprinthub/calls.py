"""The calls as bare loops make them. They only fetch and parse: nothing is kept, compared or stored."""

import asyncio
import http.client
import os
import time
from collections.abc import Iterator
from statistics import median
from urllib.parse import urlsplit

import httpx

from benchmarks.sprinthub.crm import SEGMENT
from sync_pipelines.sprinthub.client import PROJECTION

PAGE, IN_FLIGHT = 100, 10
#: Calls from which the time of one is taken, after some that warm up.
SAMPLE, WARM = 300, 20


def headers() -> dict[str, str]:
    return {"apitoken": os.environ["SPRINTHUB_API_TOKEN"]}


def path_of(lead: int) -> str:
    return f"/leads/{lead}?i={os.environ['SPRINTHUB_INSTANCE']}&allFields=1"


def ids(client: httpx.Client) -> list[int]:
    """The numbers of all leads, page after page."""
    found: list[int] = []
    while True:
        body = {"page": len(found) // PAGE, "limit": PAGE, "query": PROJECTION, "showArchived": False}
        body |= {"orderByKey": "createDate", "orderByDirection": "desc", "showAnon": False, "search": ""}
        instance = os.environ["SPRINTHUB_INSTANCE"]
        data = client.post(f"/leadsfromtype/segment/{SEGMENT}?i={instance}", json=body).json()["data"]
        found += [lead["id"] for lead in data["leads"]]
        if len(found) >= data["total"]:
            return found


def latency() -> dict[str, float]:
    """The time of one call alone, by the client that costs least."""
    address = urlsplit(os.environ["SPRINTHUB_BASE_URL"])
    line = http.client.HTTPConnection(address.hostname or "", address.port)
    with _client() as client:
        leads = ids(client)
    times = []
    for lead in (leads * (1 + (WARM + SAMPLE) // len(leads)))[: WARM + SAMPLE]:
        began = time.perf_counter()
        line.request("GET", path_of(lead), headers=headers())
        line.getresponse().read()
        times.append(time.perf_counter() - began)
    line.close()
    return {"seconds": median(times[WARM:]), "leads": len(leads)}


def sequential() -> dict[str, float]:
    """One call after the other, over one connection that stays open."""
    with _client() as client:
        began = time.perf_counter()
        leads = ids(client)
        for lead in leads:
            client.get(path_of(lead)).raise_for_status().json()
        return {"seconds": time.perf_counter() - began, "leads": len(leads)}


def bare() -> dict[str, float]:
    """An asynchronous loop with a bounded number of calls in flight."""

    async def worker(client: httpx.AsyncClient, left: Iterator[int]) -> None:
        for lead in left:
            answer = await client.get(path_of(lead))
            answer.raise_for_status().json()

    async def whole(leads: list[int]) -> None:
        base_url = os.environ["SPRINTHUB_BASE_URL"]
        async with httpx.AsyncClient(base_url=base_url, headers=headers(), timeout=30) as client:
            left = iter(leads)
            await asyncio.gather(*(worker(client, left) for _ in range(IN_FLIGHT)))

    began = time.perf_counter()
    with _client() as client:
        leads = ids(client)
    asyncio.run(whole(leads))
    return {"seconds": time.perf_counter() - began, "leads": len(leads)}


def _client() -> httpx.Client:
    return httpx.Client(base_url=os.environ["SPRINTHUB_BASE_URL"], headers=headers(), timeout=30)
