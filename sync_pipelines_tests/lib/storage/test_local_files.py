"""A disk that cannot be written is a sentence; every other error stays what it is."""

from __future__ import annotations

import errno
import os

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.storage.local_files import disk_errors_about


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_the_reason_why_nothing_can_be_written_is_given(number: int) -> None:
    with pytest.raises(PermanentError, match=os.strerror(number)), disk_errors_about("The archive"):
        raise OSError(number, os.strerror(number))


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(ConnectionResetError), disk_errors_about("The archive"):
        raise ConnectionResetError
