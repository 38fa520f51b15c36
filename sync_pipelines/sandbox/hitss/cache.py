"""A cache of packed workbooks: two downloads of the same rows differ in their timestamps only."""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final

IN_MEMORY: Final = 4
ON_DISK: Final = 8


class WorkbookCache:
    """A few recent workbooks in memory, and in `folder` if given, so that a restart need not pack them again."""

    def __init__(self, folder: Path | None = None) -> None:
        """The folder is created, private, with the first workbook."""
        self._folder = folder
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str, pack: Callable[[], bytes], *, durable: bool = True) -> bytes:
        """The workbook of `key`, packed if it is not cached; one thread packs at a time."""
        with self._lock:
            data = self._recent.pop(key, None)
            path = self._path(key) if durable else None
            if data is None and path is not None and path.exists():
                data = path.read_bytes()
            if data is None:
                data = pack()
                if path is not None:
                    _write(path, data)
                    self._prune(path.parent)
            self._recent[key] = data
            while len(self._recent) > IN_MEMORY:
                self._recent.popitem(last=False)
            return data

    def _path(self, key: str) -> Path | None:
        if self._folder is None:
            return None
        digest = hashlib.sha256(f"{_code_digest()} {key}".encode()).hexdigest()[:24]
        return self._folder / f"hitss-{digest}.xlsx"

    @staticmethod
    def _prune(folder: Path) -> None:
        kept = sorted(folder.glob("hitss-*.xlsx"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[ON_DISK:]:
            path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.touch(mode=0o600)
    part.write_bytes(data)
    part.replace(path)


@cache
def _code_digest() -> str:
    # A workbook packed by other code is another workbook.
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
