"""What the test of the connection found, as the application's screen reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Check(NamedTuple):
    """One check. If it is not valid it is an error, or only a warning."""

    valid: bool
    message: str
    is_warning: bool = False


@dataclass
class ConnectionReport:
    """The checks by name, in the order in which they ran; `is_configured` is false if there was nothing to test."""

    checks: dict[str, Check] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    is_configured: bool = True

    @property
    def errors(self) -> list[str]:
        return [one.message for one in self.checks.values() if not one.valid and not one.is_warning]

    @property
    def valid(self) -> bool:
        return self.is_configured and not self.errors

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        if not self.is_configured:
            return 404
        return 200 if self.valid else 400

    def document(self) -> dict[str, Any]:
        """The answer's body."""
        return {
            "valid": self.valid,
            "checks": {
                name: {"valid": one.valid, "message": one.message} for name, one in self.checks.items()
            },
            "errors": self.errors,
            "warnings": [
                *self.warnings,
                *(one.message for one in self.checks.values() if not one.valid and one.is_warning),
            ],
        }
