"""S3-compatible storage on a socket of this machine: moto's server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

REGION = "sa-east-1"
KEYS = ("AKIAFICTICIO", "chave-ficticia-muito-longa")
_numbers = count(1)


@contextmanager
def s3_server() -> Iterator[str]:
    """The endpoint of a storage without buckets."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(endpoint: str) -> str:
    """Make an empty bucket; returns its name. All servers of a process share their buckets."""
    import boto3

    name = f"bucket-{next(_numbers)}"
    keys = {"aws_access_key_id": KEYS[0], "aws_secret_access_key": KEYS[1]}
    client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **keys)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name
