"""Files over HTTP: whole or not at all, private, with their SHA-256."""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sync_pipelines.lib.failures import (
    PermanentError,
    TransientError,
    from_http_status,
    retry_after_seconds,
)
from sync_pipelines.lib.http.client import HttpClient
from sync_pipelines.lib.http.deadline import Deadline
from sync_pipelines.lib.redaction import safe_url

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Download:
    """A finished download; `seconds` and `wait_seconds` (to the first byte of the body) are of its last attempt."""

    status: int
    content_type: str
    bytes: int
    sha256: str
    seconds: float
    wait_seconds: float
    attempts: int


class DownloadClient(HttpClient):
    """An HttpClient whose answers are files."""

    def download(
        self,
        url: str,
        target: Path,
        *,
        max_bytes: int,
        on_wait: Callable[[float], None] | None = None,
        accept: Callable[[Path], None] | None = None,
    ) -> Download:
        """GET a file to `target` (mode 0600), which appears whole or not at all.

        `on_wait(seconds)` is called from another thread every `wait_notice_seconds` until the first byte.
        `accept(path)` examines the finished file inside the attempt: a TransientError leads to another one.
        """
        what, _ = self._checked(url)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")

        def attempt() -> Download:
            result = self._fetch(url, part, what, max_bytes=max_bytes, on_wait=on_wait)
            if accept is not None:
                accept(part)
            part.replace(target)
            return result

        retrying = self.retrying()
        try:
            result = retrying(attempt)
        except TransientError as error:
            tried = retrying.statistics["attempt_number"]
            text = f"{error} Tried {tried} times." if tried > 1 else str(error)
            raise TransientError(text, retry_after=error.retry_after) from None
        except OSError as error:
            raise PermanentError(f"{target.parent} could not take the file: {error.strerror}.") from None
        finally:
            with contextlib.suppress(OSError):  # it was never made, or is the target by now
                part.unlink()
        return replace(result, attempts=retrying.statistics["attempt_number"])

    def _fetch(
        self,
        url: str,
        part: Path,
        what: str,
        max_bytes: int,
        on_wait: Callable[[float], None] | None,
    ) -> Download:
        deadline = self._deadline(what, on_wait)
        plain = {"Accept-Encoding": "identity"}
        with self._answering(deadline, what, "GET", url=url, headers=plain) as response:
            self._expect_file(response, what, max_bytes)
            size, digest = write_body(response, part, what, max_bytes=max_bytes, deadline=deadline)
        content_type = response.headers.get("content-type", "")
        return Download(
            status=response.status_code,
            content_type=content_type,
            bytes=size,
            sha256=digest,
            seconds=deadline.elapsed(),
            wait_seconds=deadline.waited,
            attempts=1,
        )

    def _expect_file(self, response: "httpx.Response", what: str, max_bytes: int) -> None:
        if response.has_redirect_location:
            raise PermanentError(
                f"{what} answered with a redirect to {safe_url(response.headers['location'])}, which is not "
                f"followed. Check {self._url_setting}."
            )
        if response.status_code != 200:
            wait = retry_after_seconds(response.headers, self._now())
            setting = self._url_setting
            raise from_http_status(response.status_code, what=what, retry_after=wait, setting=setting)
        declared = declared_bytes(response)
        if declared is not None and declared > max_bytes:
            raise PermanentError(f"{what}: {declared} bytes are more than the {max_bytes} allowed.")


def write_body(
    response: "httpx.Response", part: Path, what: str, max_bytes: int, deadline: Deadline
) -> tuple[int, str]:
    """Write the body to a private file; its size and SHA-256."""
    size, digest = 0, hashlib.sha256()
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for chunk in response.iter_bytes():
            deadline.received()
            size += len(chunk)
            if size > max_bytes:
                raise PermanentError(f"{what}: more than the {max_bytes} bytes allowed.")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    deadline.received()
    declared = declared_bytes(response)
    came = response.num_bytes_downloaded if "content-encoding" in response.headers else size
    if declared is not None and came != declared:
        raise TransientError(f"{what}: the answer was cut ({came} of {declared} bytes).")
    return size, digest.hexdigest()


def declared_bytes(response: "httpx.Response") -> int | None:
    declared = response.headers.get("content-length", "")
    return int(declared) if declared.isdigit() else None
