"""The client of S3-compatible storage, and its errors as sentences.

A sentence names the setting to check. It never repeats the storage's message, because that may quote the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError, classify_http_status
from sync_pipelines.lib.storage.landing import AbsentError

_KEYS = "LANDING_S3_ACCESS_KEY and LANDING_S3_SECRET_KEY"


@lru_cache(maxsize=2)  # making one takes longer than using it
def s3_client(endpoint: str | None, region: str, access_key: str, secret_key: str) -> Any:
    """A client of boto3 for any storage that speaks S3."""
    import boto3
    from botocore.config import Config

    config = Config(
        region_name=region,
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=10,
        read_timeout=60,
        retries={"total_max_attempts": 3, "mode": "standard"},
        # Newer defaults add checksums to each request, which compatible storages do not know.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
    return boto3.client("s3", endpoint_url=endpoint, config=config, **keys)


@contextmanager
def s3_errors_about(where: str) -> Iterator[None]:
    """Turn an error of boto3 into a PermanentError or TransientError with a sentence."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise error_from_response(where, error.response) from None
    except exceptions.SSLError:
        raise PermanentError(
            f"{where}: the storage's certificate was not accepted. Check LANDING_S3_ENDPOINT."
        ) from None
    except exceptions.BotoCoreError as error:
        raise TransientError(
            f"{where}: the storage gave no whole answer ({type(error).__name__})."
            " If it stays so, check LANDING_S3_ENDPOINT and LANDING_S3_REGION."
        ) from None


def error_from_response(where: str, response: Mapping[str, Any]) -> SyncError:
    """The error for a response that reports one, by its status and code."""
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(response.get("Error", {}).get("Code", status))
    if code == "NoSuchBucket":
        return PermanentError(f"{where}: there is no such bucket. Make it, or check LANDING_URL.")
    if status == 404:
        return AbsentError(f"{where} is not there.")
    if status in {401, 403}:
        return PermanentError(
            f"{where}: the storage refused us ({code}). Check {_KEYS}, and what they may do with the bucket."
        )
    if classify_http_status(status):
        return TransientError(f"{where}: the storage answered {status} ({code}).")
    return PermanentError(
        f"{where}: the storage answered {status} ({code}). Check LANDING_S3_ENDPOINT and LANDING_S3_REGION."
    )
