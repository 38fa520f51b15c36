"""Token buckets: what they allow over time, and how many they remember."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from sync_pipelines.receiver.limits import Rate, TokenBuckets, client_of


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 10), st.floats(0.1, 20))
def test_no_more_is_allowed_than_the_burst_and_the_rate(waits: list[float], burst: int, rate: float) -> None:
    now = [0.0]
    buckets = TokenBuckets(Rate(rate, burst), lambda: now[0])
    allowed = 0
    for wait in waits:
        now[0] += wait
        allowed += buckets.take("one") == 0
    assert allowed <= burst + now[0] * rate + 1e-6


@given(st.integers(1, 5), st.floats(0.1, 20))
def test_who_waits_as_long_as_told_is_let_in(burst: int, rate: float) -> None:
    now = [0.0]
    buckets = TokenBuckets(Rate(rate, burst), lambda: now[0])
    while not (wait := buckets.take("one")):
        pass
    now[0] += wait + 1e-9
    assert buckets.take("one") == 0


def test_no_more_clients_are_remembered_than_allowed() -> None:
    buckets = TokenBuckets(Rate(1, 1), lambda: 0.0, clients=100)
    for number in range(1000):
        assert buckets.take(str(number)) == 0
    assert len(buckets) == 100
    assert buckets.take("999") > 0


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("a-socket", "a-socket"),
    ],
)
def test_a_customer_with_many_addresses_is_one_client(host: str, client: str) -> None:
    assert client_of(Request({"type": "http", "client": (host, 1), "headers": []})) == client
