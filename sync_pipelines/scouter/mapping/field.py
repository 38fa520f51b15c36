"""One column of the destination: the source columns that fill it, and by which transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping import transforms


@dataclass(frozen=True)
class Field:
    """A destination column, its source columns and its transform (None copies the one source as it is)."""

    destination: str
    sources: tuple[str, ...]
    transform: str | None = None

    @classmethod
    def parse(cls, destination: str, value: object) -> Field:
        """Read what a mapping's JSON says of a destination column: a source, or `{"from": …, "transform": …}`.

        Raises PermanentError, in a sentence that names the column.
        """
        origin, transform = value, None
        if isinstance(value, dict) and set(value) <= {"from", "transform"}:
            origin, transform = value.get("from"), value.get("transform")
        listed: list[object] = origin if isinstance(origin, list) else [origin]
        sources = tuple(source for source in listed if isinstance(source, str) and source)
        if not sources or len(sources) < len(listed):
            raise PermanentError(f"{destination} has no source.")
        if "%" in "".join((destination, *sources)):
            raise PermanentError(f"{destination}: a column with % in its name cannot be mapped: rename it.")
        if transform in (None, transforms.NONE):
            transform = transforms.FIRST_NON_EMPTY if len(sources) > 1 else None
        if transform is None:
            return cls(destination, sources)
        try:
            known = transforms.find(str(transform))
        except PermanentError as error:
            raise PermanentError(f"{destination}: {error}") from None
        if len(sources) > 1 and not known.takes_several:
            raise PermanentError(
                f"{destination} has several sources, which only {transforms.FIRST_NON_EMPTY} takes."
            )
        return cls(destination, sources, known.name)

    @property
    def is_plain(self) -> bool:
        return self.transform is None

    def document(self) -> str | dict[str, Any]:
        """The JSON value that `parse` reads."""
        if self.is_plain:
            return self.sources[0]
        return {
            "from": self.sources[0] if len(self.sources) == 1 else [*self.sources],
            "transform": self.transform,
        }
