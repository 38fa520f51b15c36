"""The body of a download, written to a file as it comes."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.watching import Watch

if TYPE_CHECKING:
    import httpx


def write_body(
    response: "httpx.Response", part: Path, what: str, max_bytes: int, watch: Watch
) -> tuple[int, str]:
    """Write the body to a private file; its size and SHA-256."""
    size, digest = 0, hashlib.sha256()
    part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for chunk in response.iter_bytes():
            watch.tick()
            size += len(chunk)
            if size > max_bytes:
                raise PermanentError(f"{what}: more than the {max_bytes} bytes allowed.")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    watch.tick()
    declared = declared_bytes(response)
    came = response.num_bytes_downloaded if "content-encoding" in response.headers else size
    if declared is not None and came != declared:
        raise TransientError(f"{what}: the answer was cut ({came} of {declared} bytes).")
    return size, digest.hexdigest()


def declared_bytes(response: "httpx.Response") -> int | None:
    declared = response.headers.get("content-length", "")
    return int(declared) if declared.isdigit() else None
