"""The way back as one thing to run: fetch what waits there, drain the inbox, forget what is old."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.client import destination_label
from sync_pipelines.scouter.mapping.contract_columns import OWNED
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.reverse import extract
from sync_pipelines.scouter.reverse.inbox import open_lead_inbox
from sync_pipelines.scouter.reverse.load import TABULADORMAX, Drained, drain, source_types
from sync_pipelines.settings.scouter import ScouterSettings


@dataclass(frozen=True)
class ReverseSyncRun:
    """What a run did: the drain's outcome, what was fetched before it, what still waits, what was forgotten."""

    drained: Drained
    fetched: int
    waiting: int
    forgotten: int


def _no_columns() -> Collection[str]:
    return ()


@dataclass(frozen=True)
class ReverseSync:
    """`mapping` must be the push's own, or no echo is known by its content; without it the default one is used.

    `columns` are the live columns of Gestão Scouter, `client` makes a client of it where its outbox is used.
    """

    settings: ScouterSettings
    mapping: Callable[[], FieldMapping] | None = None
    columns: Callable[[], Collection[str]] = _no_columns
    client: Callable[[], PostgrestClient] | None = None
    step: Callable[[str], None] = field(default=lambda _name: None)

    @property
    def destination(self) -> str:
        """The other side as ops.lead_exchanges calls it."""
        return destination_label(self.settings)

    def waiting(self) -> int:
        """How many changes wait in the inbox."""
        with open_lead_inbox(self._ops_url) as inbox:
            return inbox.count_waiting()

    def collect(self, pages: int = 20) -> int:
        """Fetch what the outbox holds into the inbox; 0 where no outbox is used."""
        if self.client is None:
            return 0
        with self.client() as client, open_lead_inbox(self._ops_url) as inbox:
            return extract.collect(client, inbox, pages=pages).changes

    def replay(self, ids: Collection[int] | None = None) -> int:
        """Let rejected rows of the inbox wait again, all of them where none are named; returns how many."""
        with open_lead_inbox(self._ops_url) as inbox:
            return inbox.replay(None if ids is None else list(ids))

    def run(self, run_id: str, tell: Callable[[str], None] = lambda _sentence: None) -> ReverseSyncRun:
        """Fetch, drain, forget. Raises SyncError."""
        fetched = self.collect()
        columns = self.columns()
        drained = drain(
            self._ops_url,
            self.settings.tabuladormax_url,
            self.mapping() if self.mapping else self._default_mapping(columns),
            destination=self.destination,
            run_id=run_id,
            known={*columns, *OWNED},
            step=self.step,
            tell=tell,
        )
        with open_lead_inbox(self._ops_url) as inbox:
            forgotten = inbox.forget(self.settings.scouter_inbox_retention_days)
            return ReverseSyncRun(
                drained=drained, fetched=fetched, waiting=inbox.count_waiting(), forgotten=forgotten
            )

    def _default_mapping(self, columns: Collection[str]) -> FieldMapping:
        url = self.settings.tabuladormax_url
        with (
            postgres.connect(url, what=TABULADORMAX, read_only=True) as connection,
            postgres.errors_about(TABULADORMAX),
        ):
            return default_mapping(source_types(connection), columns)

    @property
    def _ops_url(self) -> str:
        return self.settings.ops_url
