"""Where commands print."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from sync_pipelines.lib.findings import Finding

# Sentences hold brackets, as in accept: [guard], which are no markup.
console = Console(highlight=False, markup=False)


def print_findings(findings: Iterable[Finding], *, verbose: bool) -> bool:
    """One line a finding, of the right ones only with `verbose`; False when one is not right."""
    right = wrong = 0
    for finding in findings:
        right, wrong = right + finding.ok, wrong + (not finding.ok)
        if verbose or not finding.ok:
            console.print(
                f"  {'ok   ' if finding.ok else 'WRONG'} {finding.sentence}",
                style=None if finding.ok else "red",
            )
    if not verbose:
        rest = f"{wrong} are not" if wrong else "nothing is missing"
        console.print(f"  {right} things are as they should be, {rest}.", style="red" if wrong else None)
    return wrong == 0
