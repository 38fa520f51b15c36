"""A value of the CRM that no column can hold as it is."""

from __future__ import annotations


class UnusableError(ValueError):
    """A value that breaks a rule; the reason is a sentence without the value."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
