"""Which line of the income statement a title belongs to (contract of the ERPs, section 10).

In this order: the ERP's own line of its statement, where it tells one of ours; the name of the category, of its
parent; the words of the title's description; what a coarse line of the ERP is of. What nothing tells is another income
or another expense. No amount is divided by a percentage, and none is made up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from sync_pipelines.erp.financials.lines import LINES_OF, REST, SALES
from sync_pipelines.erp.financials.words import COARSE, MANY, TOLD, Words
from sync_pipelines.erp.vendors.values import plain
from sync_pipelines.erp.vendors.vendor import Category, Side


def line_of(
    side: Side, category: Category | None, *, told: str | None = None, has_invoice: bool = False
) -> str:
    """The line, without its `input_`, of a part of a title.

    `told` is the line that its description tells (`told_by`), `has_invoice` whether it names an NF-e.
    """
    if category is None:
        return SALES if side is Side.RECEIVABLE and has_invoice else _allowed(side, told)
    own = f"{category.dre_code or ''} {category.dre_name or ''}"
    names = (category.name, category.parent or "")
    found = None if _is_any(MANY, own) else told_by(side, own)
    for name in names:
        found = found or told_by(side, name)
    return _allowed(side, found or told or _first(COARSE[side], _words(own)))


def told_by(side: Side, text: str | None) -> str | None:
    """The line that a text tells by its words; None if it tells none."""
    return _first(TOLD[side], _words(text or ""))


def is_transfer(category: Category, transfers: frozenset[str]) -> bool:
    """Whether titles of the category go between accounts of the company: the ERP marks it, or a person named it."""
    return category.is_transfer or plain(category.name).strip() in {plain(one).strip() for one in transfers}


def _allowed(side: Side, line: str | None) -> str:
    """The line, if a title of that side can be of it."""
    return line if line in LINES_OF[side] and line is not None else REST[side]


def _words(text: str) -> str:
    return " ".join(plain(text).replace("_", " ").split())


def _first(table: Sequence[Words], text: str) -> str | None:
    return next((one.line for one in table if _is_any(one.words, text)), None)


def _is_any(words: tuple[str, ...], text: str) -> bool:
    return _pattern(words).search(_words(text)) is not None


@lru_cache(maxsize=256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_expression, words)))


def _expression(word: str) -> str:
    bare = word.removeprefix("=")
    end = "$" if bare.endswith("$") else r"\b" if bare != word else ""
    return rf"\b{re.escape(bare.removesuffix('$'))}{end}"
