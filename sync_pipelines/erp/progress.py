"""How far the sync of a connection is: what a person sees while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """Done and total count what the stage works on: invoices listed, XML read, products, imports analysed."""

    #: The partition key of the connection.
    key: str
    stage: str
    done: int
    total: int | None
    calls: int = 0
    #: Seconds that the calls waited for the vendor's limits so far.
    waited: float = 0.0

    def sentence(self) -> str:
        """Such as: omie_1a2b3c4d: xml 1,200 of 5,000, 1.5 minutes waited."""
        of = f" of {self.total:,}" if self.total is not None else ""
        waited = f", {self.waited / 60:.1f} minutes waited" if self.waited >= 1 else ""
        return f"{self.key}: {self.stage} {self.done:,}{of}{waited}"


Report = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """For whoever does not look."""
