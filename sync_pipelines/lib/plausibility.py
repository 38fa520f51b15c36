"""Whether what became of the rows of a set looks like an error of ours or of the source, and not like the truth.

A list that was read in part looks like rows that vanished, a source that is down like rows that cannot be used. So a
loss of more than a few rows and more than a large share stops the run until a person says that it is right.
"""

from __future__ import annotations

#: Rows that may be lost at once without a question, and the share of all above which more are one.
FEW, LARGE_SHARE = 10, 0.2
#: The loss of all rows is a question too, from so many on.
ALL_FROM = 5


def is_mass_loss(lost: int, of: int, *, has_others: bool = False) -> bool:
    """Whether `lost` rows of `of` are too many to be plausible.

    `has_others`: the source has others in their place, so that the loss of all of a few is not a question of its own.
    """
    return FEW < lost > LARGE_SHARE * of or (lost == of >= ALL_FROM and not has_others)
