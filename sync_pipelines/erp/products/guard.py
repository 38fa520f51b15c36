"""Stops a catalogue that lost far more products than is plausible: a partial list looks like a mass deletion."""

from __future__ import annotations

from collections.abc import Collection

from sync_pipelines.erp.session import MASS_VANISHING
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.plausibility import is_mass_loss


def refuse_mass_vanishing(vanished: int, before: int, accepted: Collection[str], *, vendor: str) -> None:
    """Raises PermanentError if so many of the `before` products vanished, and nobody accepted it."""
    if is_mass_loss(vanished, before) and MASS_VANISHING not in accepted:
        raise PermanentError(
            f"{vanished} of {before} products are no longer in the list of {vendor}. So many look like a list that is"
            f" not whole. Nothing was changed. If it is right, accept {MASS_VANISHING}."
        )
