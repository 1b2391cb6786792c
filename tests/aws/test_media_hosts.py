"""Links and upload tickets name the bucket's own host, in every region.

Outside us-east-1 the global name of a new bucket answers 307, which breaks browsers and signatures; regions
opened since 2019 refuse it for good (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html,
read 2026-11-28).
"""

from urllib.parse import urlsplit

import botocore.session
import pytest

from character_identity import wiring

STORAGE = {"TABLE_NAME": "state", "BUCKET_NAME": "media"}
REGIONS = botocore.session.Session().get_available_regions("s3")


def hosts_of(env: dict[str, str]) -> set[str | None]:
    bucket = wiring.Services(STORAGE | env).bucket
    ticket = bucket.upload_ticket("uploads/a.jpg", "image/jpeg", 100)
    return {urlsplit(url).netloc for url in (bucket.link("references/a.jpg"), ticket.url)}


@pytest.mark.parametrize("region", REGIONS)
def test_the_host_is_the_regional_one(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert hosts_of({}) == {f"media.s3.{region}.amazonaws.com"}


def test_on_one_machine_it_is_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert hosts_of({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}) == {"127.0.0.1:4566"}
