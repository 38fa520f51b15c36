"""How a person says what a sync does: the run config of the jobs, and the words of the command line."""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from pydantic import Field

from sync_pipelines.erp.connection_pool import SyncOptions
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.pipeline import ACCEPTS
from sync_pipelines.erp.window import months_between
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.accept_config import AcceptConfig

_ACCEPT = (
    "What you know of and accept. mass_vanishing: far more invoices, products or titles than is plausible are no longer"
    " listed."
)


class SyncConfig(AcceptConfig):
    """How the connections of a run are synced."""

    words: ClassVar = ACCEPTS
    modules: list[str] = Field(
        default_factory=list,
        description="Of nfe, produtos, financeiro, empresa. Empty: what the connection wants.",
    )
    first_month: str | None = Field(
        default=None, description="The first month of invoices and titles, such as 2026-01."
    )
    last_month: str | None = Field(default=None, description="The last month, included.")
    full: bool = Field(default=False, description="Read all products and details of titles again.")
    accept: list[str] = Field(default_factory=list, description=_ACCEPT)
    only_if_due: bool = Field(
        default=False,
        description="Leave a connection alone that is not due any more. Schedule and sensor set it.",
    )

    def options(self, today: date) -> SyncOptions:
        return SyncOptions(
            modules=modules_of(self.modules),
            months=months_of(self.first_month, self.last_month, today),
            full=self.full,
            accept=self.accepted(),
            only_if_due=self.only_if_due,
        )


class MonthConfig(AcceptConfig):
    """How the months of a run are read."""

    words: ClassVar = ACCEPTS
    accept: list[str] = Field(default_factory=list, description=_ACCEPT)


def modules_of(names: Sequence[str] | None) -> tuple[Module, ...] | None:
    """The modules by the application's names; None if none is named. Raises PermanentError for an unknown one."""
    if not names:
        return None
    if unknown := sorted(set(names) - {str(one) for one in Module}):
        raise PermanentError(f"There is no module {', '.join(unknown)}; there are {', '.join(Module)}.")
    return tuple(one for one in Module if one in names)


def months_of(first: str | None, last: str | None, today: date) -> tuple[date, ...] | None:
    """The months between two such as 2026-01; None if none is named. Raises PermanentError if there is none."""
    if first is None and last is None:
        return None
    try:
        start = date.fromisoformat(f"{first}-01") if first else today.replace(day=1)
        end = date.fromisoformat(f"{last}-01") if last else today.replace(day=1)
    except ValueError:
        raise PermanentError("A month is written as 2026-01.") from None
    months = months_between(start, min(end, today))
    if not months:
        raise PermanentError(f"From {start:%Y-%m} to {end:%Y-%m} there is no month that has begun.")
    return tuple(months)
