"""The bare loops that stand beside the lead push: they post batches that were made beforehand, and prove nothing."""

import asyncio
import os
import time
from collections.abc import Iterator
from typing import NamedTuple

import httpx

from sync_pipelines.lib.http.postgrest import column_list
from sync_pipelines.scouter.export_jobs.days import Span
from sync_pipelines.scouter.last_synced import Known
from sync_pipelines.scouter.push.extract import LeadReader
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings

BATCH, IN_FLIGHT = 50, 4


def sequential() -> dict[str, float]:
    """A batch after the other, by one connection that stays open."""
    target, batches = _made()
    with httpx.Client(headers=target.headers, timeout=30) as client:
        started = time.perf_counter()
        for batch in batches:
            client.post(target.url, params=target.params, content=batch).raise_for_status()
        return {"seconds": time.perf_counter() - started}


def bare() -> dict[str, float]:
    """An asynchronous loop with a bounded number of batches in flight."""
    target, batches = _made()

    async def worker(client: httpx.AsyncClient, left: Iterator[bytes]) -> None:
        for batch in left:
            answer = await client.post(target.url, params=target.params, content=batch)
            answer.raise_for_status()

    async def whole() -> float:
        async with httpx.AsyncClient(headers=target.headers, timeout=30) as client:
            started, left = time.perf_counter(), iter(batches)
            await asyncio.gather(*(worker(client, left) for _ in range(IN_FLIGHT)))
            return time.perf_counter() - started

    return {"seconds": asyncio.run(whole())}


class Target(NamedTuple):
    """Where the loops post, and how."""

    url: str
    params: dict[str, str]
    headers: dict[str, str]


def _made() -> tuple[Target, list[bytes]]:
    """The batches of all leads, with the same columns as the push sends."""
    leads = LeadPush.from_settings(read_as(ScouterSettings, None))
    with leads.source() as connection:
        report = leads.examine(connection)
        reader = LeadReader.for_report(report, connection, sent_at=leads.clock())
        bodies = [
            lead.body
            for page in (*reader.pages(Span(None, None)), *reader.undated_pages(reader.now()))
            for lead in reader.content([one.id for one in page], Known()).changed.values()
        ]
    batches = [f"[{','.join(bodies[at : at + BATCH])}]".encode() for at in range(0, len(bodies), BATCH)]
    key = os.environ["GESTAO_SCOUTER_SERVICE_KEY"]
    headers = {
        "apikey": key,
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Prefer": "resolution=merge-duplicates,return=minimal",
    }
    params = {"on_conflict": "id", "columns": column_list(report.mapping.columns)}
    return Target(f"{os.environ['GESTAO_SCOUTER_URL']}/rest/v1/leads", params, headers), batches
