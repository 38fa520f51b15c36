"""The properties, and the table of who holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sync_pipelines.erp.vendors.registry import VENDORS
from sync_pipelines_tests.erp.vendors.conformance import (
    lists,
    rates,
    shapes,
    title_troubles,
    titles,
    troubles,
)
from sync_pipelines_tests.erp.vendors.conformance.arrangements import ARRANGEMENTS
from sync_pipelines_tests.erp.vendors.conformance.bench import Arrangement, Lab, Subject

Check = Callable[[Lab], None]
#: In the order of the table; the docstring of each is its sentence.
PROPERTIES: tuple[Check, ...] = (
    *lists.CHECKS,
    *troubles.CHECKS,
    *shapes.CHECKS,
    *titles.CHECKS,
    *title_troubles.CHECKS,
    *rates.CHECKS,
)
#: The properties that count calls, and of what: the table has their number.
_COUNTED: Mapping[Check, Sequence[Subject]] = {
    rates.a_second_pass_calls_as_little_as_it_can: rates.PASS,
    title_troubles.a_list_of_titles_calls_as_little_as_it_can: title_troubles.PASS,
}
HOLDS, FAILS = "yes", "**no**"
#: Where the table stands, between these lines.
DOCUMENT = Path(__file__).parents[4] / "docs" / "erp-vendors.md"
BEGIN, END = "<!-- the battery's table -->\n", "<!-- its end -->\n"


def sentence(check: Check) -> str:
    """What a check checks."""
    return (check.__doc__ or "").strip()


def table(failed: Mapping[str, set[str]]) -> str:
    """A Markdown table, a row for each property; `failed` are the names of the checks that failed, by vendor."""
    vendors = [
        (VENDORS[erp_type].name, one, failed.get(erp_type, set())) for erp_type, one in ARRANGEMENTS.items()
    ]
    lines = [
        f"| It holds that | {' | '.join(name for name, _, _ in vendors)} |",
        f"|---|{'---|' * len(vendors)}",
    ]
    for check in PROPERTIES:
        cells = [_cell(check, one, failures) for _, one, failures in vendors]
        lines.append(f"| {sentence(check)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def with_table(document: str, made: str) -> str:
    """The document with this table. Raises ValueError if it has no place for one."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"There is no place for the table between {BEGIN.strip()} and {END.strip()}.")
    return f"{before}{BEGIN}{made}{END}{after}"


def _cell(check: Check, one: Arrangement, failures: set[str]) -> str:
    if check.__name__ in failures:
        return FAILS
    if check.__name__ in one.without:
        return f"– ({one.without[check.__name__]})"
    if (subjects := _COUNTED.get(check)) is not None:
        made = {subject: one.second_pass[subject] for subject in subjects if subject in one.second_pass}
        calls = ", ".join(f"{subject} {count}" for subject, count in made.items())
        return f"{sum(made.values())} ({calls})"
    return HOLDS
