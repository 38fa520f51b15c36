"""Stops a catalogue that lost far more products than is plausible: a partial list looks like a mass deletion."""

from __future__ import annotations

from collections.abc import Collection

from sync_pipelines.lib.failures import PermanentError

#: What a person accepts where far more products than usual vanished at once.
MASS_VANISHING = "mass_vanishing"
#: Products that may vanish at once without a question, and the share of the catalogue above which more are one.
FEW, LARGE_SHARE = 10, 0.2
#: A catalogue of at least so many products that becomes empty is a question too.
NEVER_EMPTY_FROM = 5


def refuse_mass_vanishing(vanished: int, before: int, accepted: Collection[str], *, vendor: str) -> None:
    """Raises PermanentError if so many of the `before` products vanished, and nobody accepted it."""
    is_large = FEW < vanished > LARGE_SHARE * before
    is_all = vanished == before >= NEVER_EMPTY_FROM
    if (is_large or is_all) and MASS_VANISHING not in accepted:
        raise PermanentError(
            f"{vanished} of {before} products are no longer in the list of {vendor}. So many look like a list that is"
            f" not whole. Nothing was changed. If it is right, accept {MASS_VANISHING}."
        )
