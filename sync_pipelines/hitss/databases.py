"""The two databases of the system, by the names that error messages give them."""

from __future__ import annotations

#: It holds the DRE, the applications' run log and the backups.
FABRICIO = "the fabricio database"
#: It holds the mirror of `dre_hitss`.
HITSS = "the hitss database"
