"""The limits of a caller: requests per second, bytes per request, seconds per body."""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from starlette.requests import Request


class RefusedRequestError(Exception):
    """A request that is refused before it is read: the status, and a sentence for its sender."""

    def __init__(self, status: int, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.status, self.retry_after = status, retry_after


@dataclass(frozen=True)
class Rate:
    """So many requests per second on average, and `burst` at once."""

    per_second: float
    burst: int


@dataclass
class _Bucket:
    tokens: float
    at: float


class TokenBuckets:
    """A token bucket per client, for at most `clients` of them: the one that was silent longest is dropped first.

    `monotonic` gives seconds. Not thread-safe: it belongs to one event loop.
    """

    def __init__(self, rate: Rate, monotonic: Callable[[], float], *, clients: int = 10_000) -> None:
        self._rate, self._monotonic, self._clients = rate, monotonic, clients
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token; returns 0, or the seconds until there is one."""
        now = self._monotonic()
        bucket = self._buckets.setdefault(client, _Bucket(float(self._rate.burst), now))
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        grown = bucket.tokens + (now - bucket.at) * self._rate.per_second
        bucket.tokens, bucket.at = min(grown, float(self._rate.burst)), now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / self._rate.per_second

    def __len__(self) -> int:
        return len(self._buckets)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks_of(addresses: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks; raises ValueError for a text that is neither."""
    return tuple(ipaddress.ip_network(one.strip()) for one in addresses if one.strip())


def client_of(request: Request, proxies: Collection[Network] = ()) -> str:
    """Whom a request counts against: an IPv4 address, or the /64 of an IPv6 one, because a customer gets a whole /64.

    X-Forwarded-For counts only if one of `proxies` sent it. It is read from its end up to the first address that is
    not a proxy of ours: anybody may have written what stands before.
    """
    host = request.client.host if request.client else ""
    hops = [hop for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    while hops and _is_of(host, proxies):
        before = _without_port(hops.pop().strip())
        if _address(before) is None:
            break
        host = before
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address or host)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # An IPv4 client of a socket that listens to both.
    return getattr(address, "ipv4_mapped", None) or address


def _is_of(host: str, networks: Collection[Network]) -> bool:
    address = _address(host)
    return address is not None and any(address in network for network in networks)


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def retry_after(seconds: float) -> str:
    """The Retry-After header for a wait, in whole seconds."""
    return str(max(1, math.ceil(seconds)))


def has_body(request: Request) -> bool:
    """Whether the headers announce a body."""
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def expect_json(request: Request) -> None:
    """Raises RefusedRequestError if the headers already say that the body is not plain JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedRequestError(415, "The content type must be application/json.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RefusedRequestError(415, "The body must not be compressed.")


async def read_body(request: Request, *, max_bytes: int, seconds: float) -> bytes:
    """The whole body. One that is too long or too slow is refused while it arrives.

    Raises RefusedRequestError, or Starlette's ClientDisconnect.
    """
    too_long = RefusedRequestError(413, f"The body is longer than {max_bytes} bytes.")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > max_bytes:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise too_long
    except TimeoutError:
        raise RefusedRequestError(408, f"The body did not come within {seconds:g} seconds.") from None
    return bytes(body)
