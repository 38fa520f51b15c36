from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sync_pipelines.lib import postgres
from sync_pipelines.sprinthub.leads.lead_number import LARGEST_ID
from sync_pipelines.sprinthub.leads.work_list import PAGE, WorkList, content_hash


def test_every_number_that_is_a_key_is_in_the_list_once(oficialmed_url: str) -> None:
    with postgres.connect(oficialmed_url, what="oficialmed") as connection:
        ids = [LARGEST_ID, LARGEST_ID - 1, *range(PAGE * 2, 0, -1)]
        connection.execute(
            "insert into sync_private.segment_leads select 7, unnest(%s::bigint[]), %s",
            (ids, UUID(int=1)),
        )
        work_list = WorkList(
            connection, 7, older_than=datetime(2025, 1, 1, tzinfo=UTC), content=content_hash(["email"])
        )
        assert [lead.id for lead in work_list] == ids
        assert work_list.count() == len(ids)
