"""An S3 server on this machine, and a project that is stored there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

KEYS = {"AWS_ACCESS_KEY_ID": "a-key-of-tests", "AWS_SECRET_ACCESS_KEY": "a-secret-of-tests"}


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str

    def client(self) -> Any:
        """A client that is not ours: boto3."""
        import boto3

        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **_names())

    def keys(self, bucket: str) -> list[str]:
        """What the bucket has."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def ask_for_credentials(self, after: int) -> None:
        """Refuse unknown keys after so many requests; a large number: never."""
        requests.post(f"{self.url}/moto-api/reset-auth", data=str(after), timeout=60)


def _names() -> dict[str, str]:
    return {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}


@contextmanager
def s3_server() -> Iterator[Server]:
    """A server with the bucket `tests`, and credentials for it in the environment."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    before = dict(os.environ)
    try:
        host, port = server.get_host_and_port()
        found = Server(f"http://{host}:{port}")
        os.environ.update(KEYS)
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
        found.client().create_bucket(Bucket="tests")
        yield found
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.stop()
