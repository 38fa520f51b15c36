"""One batch down to its bad rows: how many requests that takes, and what is done about each kind of answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from itertools import combinations
from uuid import UUID

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.lead import Lead, Position
from sync_pipelines.scouter.push.batch import Batch, Outcome
from sync_pipelines.scouter.push.load import SchemaChangedError, Sender

SIZE = 50
#: What the contract allows for each bad row beyond the one request of a clean batch.
A_BAD_ROW = 14


def batch_of(size: int, suspects: Collection[int] = ()) -> Batch:
    leads = [
        Lead(
            id=n,
            updated_at=None,
            content_hash=UUID(int=n),
            body=json.dumps({"id": n}),
            is_suspect=n in suspects,
        )
        for n in range(size)
    ]
    return Batch(
        Position(None, 0),
        clean=[lead for lead in leads if not lead.is_suspect],
        suspects=[lead for lead in leads if lead.is_suspect],
    )


def send(batch: Batch, answer: Callable[[list[int]], httpx.Response]) -> Outcome:
    """Send a batch to a server that answers by the numbers of the leads in a request."""

    def handle(request: httpx.Request) -> httpx.Response:
        return answer([row["id"] for row in json.loads(request.content)])

    with PostgrestClient(
        "https://gestao.example.com",
        "a-key-of-the-test",
        transport=httpx.MockTransport(handle),
        sleep=lambda _seconds: None,
    ) as client:
        return Sender(client, ("id",)).send(batch)


def refusing(bad: Collection[int]) -> Callable[[list[int]], httpx.Response]:
    """A database: one statement a request, and one bad row fails it."""

    def answer(ids: list[int]) -> httpx.Response:
        if set(ids) & set(bad):
            return httpx.Response(400, json={"code": "22003", "message": "integer out of range"})
        return httpx.Response(201)

    return answer


def assert_bisected(bad: Collection[int]) -> Outcome:
    outcome = send(batch_of(SIZE), refusing(bad))
    assert [one.lead.id for one in outcome.rejected] == sorted(bad)
    assert [lead.id for lead in outcome.accepted] == [n for n in range(SIZE) if n not in bad]
    assert outcome.requests <= A_BAD_ROW * len(bad) + (len(bad) < SIZE)
    return outcome


@pytest.mark.parametrize("size", [1, 2, 3, 49, 50])
def test_a_clean_batch_is_one_request(size: int) -> None:
    outcome = send(batch_of(size), refusing([]))
    assert (outcome.requests, len(outcome.accepted)) == (1, size)


def test_nothing_to_send_is_no_request() -> None:
    assert send(batch_of(0), refusing([])).requests == 0


def test_one_bad_row_at_any_place_costs_at_most_fourteen_requests() -> None:
    assert max(assert_bisected([place]).requests for place in range(SIZE)) <= A_BAD_ROW


def test_where_the_first_half_is_good_the_second_is_not_asked_as_a_whole() -> None:
    assert assert_bisected([SIZE - 1]).requests == 8  # the whole, six good halves, and the row itself


def test_two_bad_rows_anywhere_are_found() -> None:
    for pair in list(combinations(range(SIZE), 2))[::13]:
        assert_bisected(pair)


@settings(max_examples=40)
@given(st.sets(st.integers(0, SIZE - 1)))
@example({*range(SIZE)})
@example(set())
def test_any_bad_rows_are_found_and_no_other(bad: set[int]) -> None:
    assert_bisected(bad)


@settings(max_examples=20)
@given(st.sets(st.integers(0, SIZE - 1)), st.sets(st.integers(0, SIZE - 1)))
def test_suspects_go_alone_and_the_server_decides(suspects: set[int], bad: set[int]) -> None:
    outcome = send(batch_of(SIZE, suspects), refusing(bad & suspects))
    assert {one.lead.id for one in outcome.rejected} == bad & suspects
    assert {lead.id for lead in outcome.accepted} == {*range(SIZE)} - (bad & suspects)
    assert outcome.requests == len(suspects) + (len(suspects) < SIZE)


@pytest.mark.parametrize(
    "refusal",
    [httpx.Response(413), httpx.Response(500, json={"code": "57014", "message": "statement timeout"})],
    ids=["too large a body", "too slow a statement"],
)
def test_what_is_too_much_for_the_server_is_tried_smaller(refusal: httpx.Response) -> None:
    sizes: list[int] = []

    def answer(ids: list[int]) -> httpx.Response:
        sizes.append(len(ids))
        return (
            httpx.Response(refusal.status_code, content=refusal.content)
            if len(ids) > 20
            else httpx.Response(201)
        )

    outcome = send(batch_of(SIZE), answer)
    assert len(outcome.accepted) == SIZE
    assert not outcome.rejected
    attempts = 1 if refusal.status_code == 413 else 3
    assert sizes == [50] * attempts + [25] * attempts + [12, 13] + [25] * attempts + [12, 13]


def test_a_lead_that_is_too_large_alone_is_refused_and_keeps_no_other_back() -> None:
    outcome = send(batch_of(8), lambda ids: httpx.Response(413 if 5 in ids else 201))
    assert [(one.lead.id, one.problem and one.problem.status) for one in outcome.rejected] == [(5, 413)]
    assert len(outcome.accepted) == 7


def test_a_statement_that_is_too_slow_for_one_lead_alone_is_no_fault_of_the_lead() -> None:
    with pytest.raises(TransientError):
        send(batch_of(1), lambda _: httpx.Response(500, json={"code": "57014", "message": ""}))


@pytest.mark.parametrize(
    ("status", "body", "error", "requests"),
    [
        (401, {"code": "PGRST301", "message": "JWT expired"}, RefusedError, 1),
        (401, {"code": "PGRST303", "message": "JWT expired"}, RefusedError, 1),
        (401, {"message": "Invalid API key"}, RefusedError, 1),
        (401, {"code": "42501", "message": "permission denied"}, RefusedError, 1),
        (403, {"code": "42501", "message": "permission denied"}, RefusedError, 1),
        (500, {"code": "21000", "message": "cannot affect row a second time"}, PermanentError, 1),
        (400, {"code": "PGRST204", "message": "Could not find the 'x' column"}, SchemaChangedError, 1),
        (404, {"code": "PGRST205", "message": "Could not find the table"}, SchemaChangedError, 1),
        (400, {"code": "42P10", "message": "no unique constraint"}, SchemaChangedError, 1),
        (400, {"message": "a gateway's own"}, PermanentError, 1),
        (404, {"message": "no Route matched"}, PermanentError, 1),
        (405, {"code": "25006", "message": "read-only transaction"}, PermanentError, 1),
        (429, {"message": "rate limit"}, TransientError, 3),
        (502, None, TransientError, 3),
        (503, None, TransientError, 3),
        (503, {"code": "PGRST001", "message": "no connection"}, TransientError, 3),
        (504, {"code": "PGRST003", "message": "pool timeout"}, TransientError, 3),
        (500, {"code": "40001", "message": "could not serialize"}, TransientError, 3),
        (500, {"code": "40P01", "message": "deadlock"}, TransientError, 3),
        (500, {"code": "55P03", "message": "lock not available"}, TransientError, 3),
        (503, {"code": "53300", "message": "too many connections"}, TransientError, 3),
    ],
)
def test_what_is_no_matter_of_rows_ends_the_batch_after_so_many_requests(
    status: int, body: object, error: type[Exception], requests: int
) -> None:
    seen: list[int] = []

    def answer(ids: list[int]) -> httpx.Response:
        seen.append(len(ids))
        return httpx.Response(status, json=body) if body else httpx.Response(status)

    with pytest.raises(error) as raised:
        send(batch_of(SIZE), answer)
    assert raised.type is error
    assert seen == [SIZE] * requests


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *(
            (400, code)
            for code in ("23502", "23514", "22P02", "22003", "22001", "22007", "22008", "22P05", "P0001")
        ),
        *((409, code) for code in ("23505", "23503")),
        (400, "2201E"),
        (400, "PGRST102"),
    ],
)
def test_what_is_of_a_row_is_brought_down_to_the_row(status: int, code: str) -> None:
    def answer(ids: list[int]) -> httpx.Response:
        return (
            httpx.Response(status, json={"code": code, "message": "…"}) if 3 in ids else httpx.Response(201)
        )

    outcome = send(batch_of(8), answer)
    (one,) = outcome.rejected
    assert one.lead.id == 3
    assert one.problem is not None
    assert (one.problem.status, one.problem.code) == (status, code)
    assert one.reason == f"recusado com {status} {code}"
    assert len(outcome.accepted) == 7
