"""What of a connection a sync is about: all that it wants, or what a person asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.outcome import Module, SyncOutcome


@dataclass(frozen=True)
class Scope:
    """The modules that were asked for (None: all that the connection wants), and whether only months of a range.

    An automatic sync is the planned one, whatever it does: otherwise it would be due again as it ends.
    """

    modules: Collection[Module] | None = None
    has_months: bool = False
    is_automatic: bool = False

    def is_whole(self, connection: ErpConnection) -> bool:
        """Whether it stands for the planned sync. A backfill of a month must not take the place of tonight's."""
        wanted = self.modules is None or set(connection.modules) <= set(self.modules)
        return self.is_automatic or (wanted and not self.has_months)

    def proved(self, outcome: SyncOutcome) -> frozenset[str]:
        """The modules that are up to date after it."""
        done = (module for module, one in outcome.modules.items() if one.status == "success")
        return frozenset(one.value for one in done if one is not Module.INVOICES or not self.has_months)

    @property
    def details(self) -> dict[str, object]:
        """What the log row says of it."""
        asked = {"requested": [one.value for one in Module if one in self.modules]} if self.modules else {}
        return {**asked, **({"range": True} if self.has_months else {})}
