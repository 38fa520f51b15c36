"""Token buckets: what they allow over time, and how many they remember."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from sync_pipelines.receiver.limits import Rate, TokenBuckets, client_of, networks_of


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


def told_client(host: str, *forwarded: str, proxies: str = "10.0.0.0/8, 127.0.0.1, fd00::/8") -> str:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    request = Request({"type": "http", "client": (host, 1), "headers": headers})
    return client_of(request, networks_of(proxies.split(",")))


@pytest.mark.parametrize(
    ("host", "forwarded", "client"),
    [
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # no proxy of ours
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["198.51.100.1"], "198.51.100.1"),
        # What the caller wrote himself stands before the address that the proxy saw.
        ("10.0.0.1", ["1.1.1.1, 2.2.2.2, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", ["10.1.1.1,10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["2001:db8:1:2::9"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, 'or 1=1, 10.3.3.3"], "10.3.3.3"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_a_proxy_of_ours_tells_who_asks(host: str, forwarded: list[str], client: str) -> None:
    assert told_client(host, *forwarded) == client
    assert told_client(host, *forwarded, proxies="") == told_client(host, proxies="")
