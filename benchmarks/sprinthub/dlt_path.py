"""The same segment by dlt's parallel path, into the same Postgres: run by the Python of an environment that has dlt.

`python -m benchmarks.sprinthub --dlt` makes that environment. Details are called by ten threads (`defer`), rows are
merged by the lead's number. Nested values stay in one column, which costs dlt less than its tables of children.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import dlt
import httpx

SEGMENT, PAGE, IN_FLIGHT = 7, 100, 10


def main() -> None:
    token, instance = os.environ["SPRINTHUB_API_TOKEN"], os.environ["SPRINTHUB_INSTANCE"]
    client = httpx.Client(
        base_url=os.environ["SPRINTHUB_BASE_URL"],
        headers={"apitoken": token},
        timeout=30,
        params={"i": instance},
    )

    @dlt.resource
    def listed() -> Iterator[list[dict[str, Any]]]:
        read = page = 0
        while True:
            body = {"page": page, "limit": PAGE, "query": "{total, leads{id}}", "showArchived": False}
            body |= {"orderByKey": "createDate", "orderByDirection": "desc", "showAnon": False, "search": ""}
            data = client.post(f"/leadsfromtype/segment/{SEGMENT}", json=body).json()["data"]
            yield data["leads"]
            read, page = read + len(data["leads"]), page + 1
            if read >= data["total"]:
                return

    @dlt.transformer(name="leads", primary_key="id", write_disposition="merge", max_table_nesting=0)
    def details(items: list[dict[str, Any]]) -> Iterator[Any]:
        @dlt.defer
        def detail(lead: dict[str, Any]) -> Any:
            return client.get(f"/leads/{lead['id']}", params={"allFields": 1}).json()["data"]["lead"]

        for lead in items:
            yield detail(lead)

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "bench",
            destination=dlt.destinations.postgres(os.environ["OFICIALMED_DATABASE_URL"]),
            dataset_name="dlt_leads",
            pipelines_dir=folder,
        )
        began = time.perf_counter()
        pipeline.run(listed | details)
        seconds = time.perf_counter() - began
        counts = pipeline.last_trace.last_normalize_info.row_counts
    json.dump({"seconds": seconds, "leads": counts["leads"]}, sys.stdout)


if __name__ == "__main__":
    main()
