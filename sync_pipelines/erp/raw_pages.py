"""The pages of a vendor's list in the landing store, before anybody looks at what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Page
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.storage.landing import LandedFile

SUFFIX = ".jsonl.zst"
Item = TypeVar("Item")


class RawList(NamedTuple, Generic[Item]):
    """A whole list: its items in their order, the file of its pages, and its number in the landing index."""

    items: list[Item]
    file: LandedFile
    landed_id: int


def read_list(session: SyncSession, asset: str, pages: Iterator[Page[Item]], stage: str) -> RawList[Item]:
    """Read a list to its end, one line a page in a file of the landing store, below the asset's name.

    Raises SyncError when a page fails: the pages before it are kept, marked as refused, and no item is returned.
    """
    import zstandard

    items, count = list[Item](), 0
    landings, details = session.records.landings, {"connection": session.key}
    with session.landing.incoming(asset, SUFFIX) as path:
        try:
            with path.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as kept:
                for page in pages:
                    # JSON has no line breaks inside of a text.
                    kept.write(page.raw.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
                    items += page.items
                    count += 1
                    session.report(stage, done=len(items), total=None)
        except SyncError as error:
            if count:
                file = session.landing.keep(path, asset, SUFFIX)
                refused = landings.record(asset, file, run_id=session.run_id, details=details)
                landings.mark_refused(refused, str(error))
            raise
        file = session.landing.keep(path, asset, SUFFIX)
    landed = landings.record(asset, file, run_id=session.run_id, details={**details, "pages": count})
    return RawList(items, file, landed)
