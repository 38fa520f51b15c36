"""A write arrives, its answer does not, a person edits the row, and the second attempt goes over the edit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sync_pipelines_tests.scouter.interrupted import Interrupted, Kind
from sync_pipelines_tests.scouter.push.test_merge_first import ruled_there
from sync_pipelines_tests.scouter.two_way import TwoWay


def push_twice(two_way: TwoWay, kind: Kind = "upsert", **date: datetime) -> list[dict[str, Any]]:
    """A push whose first request arrives and is answered by a 502; what is announced of the edit after it."""
    rows: list[dict[str, Any]] = []

    class Lost(Interrupted):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            if len(self.requests) == 1 and request is self.requests[0]:
                rows.append(two_way.edit_there(announce=False, etapa="Ligou", **date))
                response.status_code = 502
            return response

    two_way.installation.use_client(transport=Lost(before=kind))
    two_way.push()
    two_way.installation.use_client(transport=None)
    assert rows
    return rows


@pytest.mark.parametrize("kind", ["upsert", "change"])
def test_the_edit_comes_back_by_its_webhook(two_way: TwoWay, kind: Kind) -> None:
    two_way.edit(name="Ana Daqui")
    if kind == "change":
        two_way.edit_there(announce=False, age=44)
    two_way.announce(*push_twice(two_way, kind))
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


@pytest.mark.parametrize("is_dated_there", [True, False])
def test_also_if_it_is_dated_before_the_second_attempt(two_way: TwoWay, is_dated_there: bool) -> None:
    """A trigger there dates what we write, or the clock there is behind."""
    two_way.edit(name="Ana Daqui")
    behind = timedelta() if is_dated_there else timedelta(minutes=10)
    with ruled_there(two_way.installation, "new.updated_at := clock_timestamp();" if is_dated_there else ""):
        rows = push_twice(two_way, updated_at=datetime.now(UTC) - behind)
        assert two_way.both("etapa") == ("Nova", "Nova")
        two_way.announce(*rows)
        two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Ligou")
    assert two_way.conflicts == []


def test_an_edit_that_its_author_took_back_stays_taken_back(two_way: TwoWay) -> None:
    """The first webhook comes alone: the row has a later date than it was read back with."""
    two_way.edit(name="Ana Daqui")
    two_way.push()
    first = two_way.edit_there(announce=False, etapa="Ligou")
    two_way.edit_there(announce=False, etapa="Nova")
    two_way.announce(first)
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", etapa="Nova")
    assert two_way.conflicts == []
