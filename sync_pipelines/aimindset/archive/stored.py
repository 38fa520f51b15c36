"""The project's archives in the landing store: which there are, what is wrong with one, and its removal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

from sync_pipelines.aimindset import assets
from sync_pipelines.lib.archive.manifest import MANIFEST, read_archive
from sync_pipelines.lib.archive.verify import find_problems
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.backups import Backup, BackupCatalog
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.settings.aimindset import AimindsetSettings

PREFIX = "aimindset/archive"
_ID = re.compile(r"\d{8}T\d{12}Z")


@dataclass(frozen=True)
class StoredArchives:
    """The archives below the prefix; `identity` is the age secret key, without which encrypted content is not read."""

    store: LandingStore
    identity: str | None = field(default=None, repr=False)

    @classmethod
    def from_settings(cls, settings: AimindsetSettings) -> Self:
        identity = settings.archive_age_identity
        return cls(settings.landing_store, identity.get_secret_value() if identity else None)

    @staticmethod
    def folder(archive_id: str) -> str:
        return f"{PREFIX}/{archive_id}"

    def ids(self) -> set[str]:
        """The ids of archives that have any file."""
        return {file.name.split("/")[2] for file in self.store.names(PREFIX) if file.name.count("/") == 3}

    def complete_ids(self) -> set[str]:
        """The ids of archives that have a manifest."""
        names = [file.name for file in self.store.names(PREFIX)]
        return {name.split("/")[2] for name in names if name.endswith(f"/{MANIFEST}")}

    def foreign_ids(self, catalog: BackupCatalog) -> list[str]:
        """Archives that the catalog never had: another installation's, or those of a catalog that was lost."""
        return sorted(one for one in self.ids() - catalog.names(assets.ARCHIVE) if _ID.fullmatch(one))

    def problems(
        self, archive_id: str, recorded: Backup | None = None, *, with_content: bool = True
    ) -> list[str]:
        """Everything that is wrong with an archive, also compared with what the catalog `recorded` of it.

        Who can write to the store can give an altered manifest a new checksum, but cannot change the catalog.
        `with_content=False` compares files by size and checksum only.
        """
        folder = self.folder(archive_id)
        wrong = find_problems(self.store, folder, self.identity, with_content=with_content)
        if wrong or recorded is None:
            return wrong
        found = read_archive(self.store, folder).sha256
        if recorded.details.get("manifest", found) != found:
            return [f"{folder}/{MANIFEST} is not the one that the backup catalog knows."]
        return []

    def checksum_problems(self, recorded: Backup) -> list[str]:
        """What is wrong with a recorded archive by its manifest and the checksums of its files. Never raises."""
        try:
            return self.problems(recorded.name, recorded, with_content=False)
        except (SyncError, OSError) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            return [f"it could not be looked at: {said}"]

    def remove(self, archive_id: str) -> None:
        """Remove an archive, its manifest first: half removed, it does not exist."""
        folder = self.folder(archive_id)
        self.store.remove(f"{folder}/{MANIFEST}")
        for file in self.store.names(folder):
            self.store.remove(file.name)
