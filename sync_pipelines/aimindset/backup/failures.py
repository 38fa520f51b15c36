"""Why a backup does not count; what its function itself reports stands in `answer`."""

from __future__ import annotations

from sync_pipelines.lib.failures import PermanentError


class UnprovedError(PermanentError):
    """The copy differs from its source."""


class SideEffectError(UnprovedError):
    """The call changed something outside the backup; it was rolled back."""


class ImplausibleError(PermanentError):
    """The counts point to a loss that nobody has accepted."""
