"""Conta Azul's tokens (contract of the ERPs, section 6): an access token of an hour, and rotation at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sync_pipelines.sandbox.erp.oauth import OAuthAccount


@dataclass
class ContaAzulAccount(OAuthAccount):
    """An account of Conta Azul. How long a refresh token lasts is not known: five years, or two weeks."""

    access_seconds: ClassVar[int] = 3_600
    refresh_seconds: ClassVar[int] = 14 * 86_400
    code_seconds: ClassVar[int] = 180

    scopes: tuple[str, ...] = ("openid", "profile", "aws.cognito.signin.user.admin")
