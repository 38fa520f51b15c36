"""Files of this machine: their hash, and a disk's errors as sentences."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync_pipelines.lib.failures import PermanentError

#: A full disk, a quota, a limit of the process, a disk that is read-only or closed to us.
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}


@contextmanager
def disk_errors_about(what: str) -> Iterator[None]:
    """Turn the error of a disk that is full or cannot be written into a PermanentError with a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise PermanentError(
            f"{what} could not be written: {error.strerror}. Nothing of it was kept."
        ) from None


def sha256_of(path: Path) -> tuple[str, int]:
    """A file's SHA-256 and its size in bytes."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return digest, path.stat().st_size
