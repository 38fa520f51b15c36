"""How every command ends: with a sentence and a status, whatever happened."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from sync_pipelines.lib.console import console


class Commands(TyperGroup):
    """Every end is a sentence and a status: what is meant for a person, a signal, and what nobody foresaw."""

    def invoke(self, ctx: Any) -> object:
        from sync_pipelines.lib import interruptions

        try:
            with interruptions.raising():
                return super().invoke(ctx)
        except (TyperException, typer.Exit, typer.Abort):
            raise
        except interruptions.InterruptedRunError as interruption:
            console.print(
                f"{interruption} What had been committed stays; run it again to go on.", style="red"
            )
            raise typer.Exit(128 + interruption.number) from None
        except Exception as error:
            console.print(_sentence(error), style="red")
            raise typer.Exit(1) from None


def _sentence(error: Exception) -> str:
    """The sentence for an error; for an unforeseen one also where it arose."""
    from sync_pipelines.lib.failures import SyncError
    from sync_pipelines.lib.redaction import redacted_exception
    from sync_pipelines.settings import SettingsError

    if isinstance(error, SyncError | SettingsError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "sync_pipelines" in frame.filename] or frames
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "an unknown place"
    return f"It ended by an error that nobody foresaw, at {where}: {redacted_exception(error)}"
