"""Each error of the storage is transient, or says what to check."""

from __future__ import annotations

import pytest

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.storage.landing import AbsentError
from sync_pipelines.lib.storage.s3 import error_from_response


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (503, "SlowDown", TransientError, r"answered 503 \(SlowDown\)"),
        (500, "InternalError", TransientError, "answered 500"),
        (401, "Unauthorized", PermanentError, "LANDING_S3_SECRET_KEY"),
        (404, "NoSuchBucket", PermanentError, "no such bucket"),
        (404, "NoSuchKey", AbsentError, "is not there"),
        (400, "AuthorizationHeaderMalformed", PermanentError, "LANDING_S3_REGION"),
        (301, "PermanentRedirect", PermanentError, "LANDING_S3_ENDPOINT"),
    ],
)
def test_an_answer_of_the_storage_is_transient_or_says_what_to_check(
    status: int, code: str, kind: type[Exception], words: str
) -> None:
    error = error_from_response(
        "s3://b/x", {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": code}}
    )
    assert type(error) is kind
    assert str(error).startswith("s3://b/x")
    with pytest.raises(kind, match=words):
        raise error
