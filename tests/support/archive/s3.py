"""A bucket on a real S3 server, that of moto, on 127.0.0.1."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

BUCKET = "stpubdata"


@contextmanager
def bucket(contents: Mapping[str, bytes]) -> Iterator[str]:
    """Serve objects by their key; gives the endpoint."""
    from botocore.session import Session
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = Session().create_client(
            "s3", "us-east-1", endpoint_url=endpoint, aws_access_key_id="any", aws_secret_access_key="any"
        )
        client.create_bucket(Bucket=BUCKET, ACL="public-read")
        for key, content in contents.items():
            client.put_object(Bucket=BUCKET, Key=key, Body=content, ACL="public-read")
        client.close()
        yield endpoint
    finally:
        server.stop()


def key_of(filename: str) -> str:
    """Where the public bucket has a file of an exposure or association."""
    root = filename.partition("_")[0]
    return f"hst/public/{root[:4]}/{root}/{filename}"
