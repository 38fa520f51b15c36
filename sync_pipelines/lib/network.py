"""From a host name to an open connection, and why there is none."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

#: Seconds for one connection attempt: a person waits for the answer.
CONNECT_SECONDS = 5.0

Resolver = Callable[[str, int], Sequence[str]]


class UnreachableError(Exception):
    """No connection could be made; the sentence says why and what to do."""


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host name, as the system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def connect(host: str, port: int, resolve: Resolver) -> socket.socket:
    """Connect to the first address that answers, and raise UnreachableError where none does."""
    literal = _is_address(host)
    try:
        candidates = [host] if literal else resolve(host, port)
    except (OSError, UnicodeError):
        raise UnreachableError(f"the host name {host} is not known: check its spelling") from None
    failures: list[OSError] = []
    for address in candidates:
        try:
            return socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError as error:
            failures.append(error)
    if not literal and candidates and all(":" in address for address in candidates):
        raise UnreachableError(
            f"{host} has only IPv6 addresses, and this machine cannot reach them. A direct Supabase host"
            " (db.<project>.supabase.co) is like that: use the host of the session pooler, port 5432"
        )
    if any(isinstance(error, ConnectionRefusedError) for error in failures):
        raise UnreachableError(
            f"{host} refuses connections on port {port}: check the port, and that the server runs"
        )
    raise UnreachableError(
        f"{host} does not answer on port {port} within {CONNECT_SECONDS:g} s: check the address, and that no"
        " firewall or network restriction stands between"
    )


def is_local(address: str) -> bool:
    """True for an address of this machine, or the folder of a Unix socket."""
    if not _is_address(address):
        return address in ("", "localhost") or address.startswith(("/", "@"))
    return ipaddress.ip_address(address).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
