"""A write arrives, its answer does not, a person edits the row, and the second attempt goes over the edit."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync_pipelines_tests.scouter.interrupted import Interrupted, Kind
from sync_pipelines_tests.scouter.push.test_merge_first import ruled_there
from sync_pipelines_tests.scouter.two_way import TwoWay


def push_twice(two_way: TwoWay, kind: Kind = "upsert") -> list[dict[str, Any]]:
    """A push whose first request arrives and is answered by a 502; what is announced of the edit after it."""
    rows: list[dict[str, Any]] = []

    class Lost(Interrupted):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            if len(self.requests) == 1 and request is self.requests[0]:
                rows.append(two_way.edit_there(announce=False, etapa="Ligou"))
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


def test_also_where_a_trigger_there_dates_the_second_attempt(two_way: TwoWay) -> None:
    two_way.edit(name="Ana Daqui")
    with ruled_there(two_way.installation, "new.updated_at := clock_timestamp();"):
        rows = push_twice(two_way)
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
