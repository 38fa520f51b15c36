"""When a connection counts as left behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.freshness import stale_because
from sync_pipelines.erp.connections.mark import NAME, Mark, fingerprint
from sync_pipelines_tests.erp.connections.conftest import CREDENTIALS, SERVED, START

HOUR = timedelta(hours=1)
ONE = ErpConnection(
    id=UUID(int=1),
    user_id=UUID(int=2),
    erp_type="omie",
    name="Omie",
    status="active",
    credentials=CREDENTIALS,
    last_sync_at=START - 27 * HOUR,
    next_sync_at=START - 3 * HOUR,
    created_at=START - 900 * HOUR,
)
NEW = replace(ONE, last_sync_at=None, next_sync_at=None)
MARK = Mark("credentials", START - 5 * HOUR, waits_for_person=True, credentials=fingerprint(CREDENTIALS))
LAST = "its last success began at 2026-11-21 21:00 UTC"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (ONE, LAST),
        (replace(ONE, status="error"), LAST),
        (replace(ONE, status="error", next_sync_at=START + 9 * HOUR), LAST),
        (
            replace(ONE, status="error", metadata={NAME: MARK.as_json()}),
            f"{LAST}, and it waits for a person since 2026-11-22 19:00 UTC",
        ),
        (NEW, "it never succeeded"),
        (replace(NEW, created_at=START - HOUR), None),
        (replace(ONE, last_sync_at=START - 25 * HOUR), None),
        (replace(ONE, last_sync_at=START - 26 * HOUR, next_sync_at=START - 2 * HOUR), None),
        (replace(ONE, sync_config={"frequency_hours": 168}), None),
        # Switched on again after a while.
        (replace(ONE, last_sync_at=START - 900 * HOUR, next_sync_at=START + 20 * HOUR), None),
        # Nobody wants it to be synced.
        (replace(ONE, status="inactive"), None),
        (replace(ONE, status="pending"), None),
        (replace(ONE, erp_type="tiny"), None),
        (replace(ONE, sync_config={"auto_sync": False}), None),
    ],
)
def test_left_behind_is_what_should_have_succeeded_two_hours_ago(
    row: ErpConnection, sentence: str | None
) -> None:
    assert stale_because(row, START, SERVED) == sentence


def test_a_sync_at_work_is_waited_for_but_not_for_ever() -> None:
    assert stale_because(ONE, START, SERVED, running_since=START - 3 * HOUR) is None
    assert stale_because(ONE, START, SERVED, running_since=START - 25 * HOUR) == LAST
