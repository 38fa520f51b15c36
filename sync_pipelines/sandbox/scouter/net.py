"""pg_net in the sandbox: a queue in the database, and its worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg

Send = Callable[..., httpx.Response]


def install(connection: psycopg.Connection[Any]) -> None:
    """Make the schema `net` of a database."""
    connection.execute(Path(__file__).with_name("net.sql").read_bytes())


def deliver(connection: psycopg.Connection[Any], send: Send = httpx.post) -> list[int | None]:
    """Send what is queued, each request once as pg_net does; returns the statuses, None where no answer came."""
    queued = connection.execute(
        "with taken as (delete from net.http_request_queue returning *) select id, url, headers, body,"
        " timeout_milliseconds from taken order by id"
    ).fetchall()
    return [_send(connection, send, *request) for request in queued]


def _send(
    connection: psycopg.Connection[Any],
    send: Send,
    number: int,
    url: str,
    headers: dict[str, str],
    body: bytes,
    milliseconds: int,
) -> int | None:
    try:
        answer = send(url, content=body, headers=headers, timeout=milliseconds / 1000)
    except httpx.HTTPError as error:
        connection.execute(
            "insert into net._http_response (id, timed_out, error_msg) values (%s, %s, %s)",
            [number, isinstance(error, httpx.TimeoutException), type(error).__name__],
        )
        return None
    connection.execute(
        "insert into net._http_response (id, status_code, content_type, content, timed_out)"
        " values (%s, %s, %s, %s, false)",
        [number, answer.status_code, answer.headers.get("content-type"), answer.text],
    )
    return answer.status_code
