"""The calls of an account: what several sessions share, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from sync_pipelines.erp.connections.credentials import Credentials
from sync_pipelines.erp.vendors.limits import CallLimit, ErrorLimit, Limits, Per
from sync_pipelines.erp.vendors.session import Opening, VendorSession, VendorSpec
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import SyncError, ThrottledError, TransientError
from sync_pipelines.lib.http.json import JsonAnswer
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection

Opens = Callable[..., VendorSession]


def judge(answer: JsonAnswer) -> SyncError | None:
    if answer.status == 429:
        return ThrottledError("Fewer calls.", retry_after=30)
    return None if answer.status == 200 else TransientError("Failed.")


def _never(_opening: Opening) -> Any:
    raise AssertionError


SPEC = VendorSpec(
    erp_type="omie",
    name="Toy",
    url_setting="omie_url",
    version_path="/v1",
    limits=Limits("toy", (CallLimit(6, 60), CallLimit(2, 10, Per.METHOD)), errors=ErrorLimit(4, 600)),
    judge=judge,
    open=_never,
)


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def opens(ops_url: str, time: VirtualTime) -> Iterator[Opens]:
    """Opens a session whose vendor answers with these statuses, the last one for ever; `number` is the connection's."""
    with ExitStack() as opened:

        def session(*statuses: int, number: int = 1, account: str = "a", **options: Any) -> VendorSession:
            left = list(statuses)

            def answer(_request: httpx.Request) -> httpx.Response:
                return httpx.Response(left.pop(0) if len(left) > 1 else left[0], json={})

            opening = Opening(
                SPEC,
                connection("omie", {"x": "y"}, number),
                credentials=Credentials({}, "plain object"),
                settings=read_as(ErpSettings, None, OPS_DATABASE_URL=ops_url, OMIE_URL="https://toy.example"),
                options={
                    "transport": httpx.MockTransport(answer),
                    "sleep": time.sleep,
                    "jitter": lambda: 0.0,
                },
                budget_options={"clock": time.clock, "sleep": time.sleep},
                **options,
            )
            return opened.enter_context(opening.session(account))

        yield session


def test_two_connections_of_an_account_share_its_limits(opens: Opens, time: VirtualTime) -> None:
    first, second = opens(200), opens(200, number=2)
    for number in range(3):
        first.get(f"m{number}", "x")
        second.get(f"n{number}", "x")
    assert time.seconds < 60  # in company calls keep a distance
    first.get("m4", "x")
    assert time.seconds >= 60
    assert (first.calls, second.calls) == (4, 3)
    assert first.waited > 0


def test_another_account_has_limits_of_its_own(opens: Opens, time: VirtualTime) -> None:
    one, other = opens(200), opens(200, number=2, account="b")
    for number in range(6):
        one.get(f"m{number}", "x")
    other.get("m0", "x")
    assert time.seconds == 0


def test_a_throttled_method_is_left_alone_by_everybody(opens: Opens, time: VirtualTime) -> None:
    opens(429, 200).get("m", "x")
    assert time.seconds == pytest.approx(30, abs=1)
    began = time.seconds
    opens(200, number=2).get("m", "x")
    assert time.seconds - began < 10


def test_errors_are_counted_over_all_sessions(opens: Opens) -> None:
    with pytest.raises(TransientError):
        opens(500).get("m", "x")
    with pytest.raises(ThrottledError, match="fewer calls") as caught:
        opens(200, number=2).get("m", "x")
    assert 0 < (caught.value.retry_after or 0) <= 615
    assert opens(200, number=3).get("other", "x").status == 200


def test_the_error_that_leaves_a_method_alone_says_until_when(opens: Opens) -> None:
    with pytest.raises(
        ThrottledError, match=r"one more error of m would block it; no call until 2026-11-22 12:1\d"
    ):
        opens(500).get("m", "x")


def test_a_cancelled_session_calls_no_more(opens: Opens) -> None:
    run = Cancellation()
    session = opens(200, within=run)
    session.get("m", "x")
    run.cancel()
    with pytest.raises(InterruptedRunError):
        session.get("m", "x")
    assert session.calls == 1


def test_a_query_and_a_body_are_sent_as_given(opens: Opens) -> None:
    session = opens(200)
    assert session.base_url == "https://toy.example/v1"
    assert session.get("m", "x", {"a": "1 2", "b[]": ["3", "4"]}).body == {}
    assert session.post("n", "x", {"secret": "s", "param": 1}, request=1).status == 200
