"""A segment's list, read from the fake CRM into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.sprinthub.leads.extract import ListReader, SegmentList, read_items
from sync_pipelines_tests.sprinthub.installation import access_to

SEGMENT = 7


@dataclass
class Reading:
    """A reader's connections to a CRM; each list lands in a folder of its own."""

    crm: SprinthubFake
    home: Path

    def read(self, size: int = 20, **options: Any) -> SegmentList:
        """The segment's list in pages of so many leads; what is kept has an item of each."""
        store = FolderStore(self.home)
        with access_to(self.crm).client("segment 7") as client:
            found = ListReader(client, store, segment_id=SEGMENT, page_size=size, **options).read()
        kept = {item["id"] for item in read_items(store, found.file) if isinstance(item.get("id"), int)}
        assert found.ids <= kept
        return found

    def fails(self, error: type[SyncError], **options: Any) -> str:
        with pytest.raises(error) as raised:
            self.read(**options)
        return str(raised.value)

    def truth(self) -> frozenset[int]:
        return frozenset(self.crm.tenant.visible(SEGMENT))

    def pages(self) -> list[int]:
        """The pages that were asked for, in order."""
        return [call.page for call in self.crm.calls.all if call.kind == "list"]
