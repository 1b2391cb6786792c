"""Links are signed by botocore as of a time of ours: each is what it would have signed then."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import pytest

from character_identity import wiring
from character_identity.aws.link_signer import GOOD_FOR_S
from character_identity.ports.stores import Bucket
from tests.support.fakes import Clock

KEY = "weights/i 1/löra+x.safetensors"
QUARTER = datetime(2026, 11, 28, 12, tzinfo=UTC)
SESSIONS = {"a user": {}, "a role": {"AWS_SESSION_TOKEN": "a/token+with=signs"}}


def bucket_at(now: datetime | Clock) -> Bucket:
    """As a sandbox of its own has it."""
    env = {"TABLE_NAME": "state", "BUCKET_NAME": "media"}
    return wiring.Services(env, now=now if callable(now) else lambda: now).bucket


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_it_is_what_botocore_signs_when_the_quarter_begins(
    session: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in session.items():
        monkeypatch.setenv(name, value)
    link = bucket_at(QUARTER + timedelta(hours=2, minutes=7)).link(KEY)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: QUARTER.replace(tzinfo=None))
    services = wiring.Services({"TABLE_NAME": "state", "BUCKET_NAME": "media"})
    assert link == services.s3.generate_presigned_url(
        "get_object", Params={"Bucket": "media", "Key": KEY}, ExpiresIn=2 * GOOD_FOR_S
    )


def test_it_is_the_same_in_every_sandbox_until_the_quarter_ends() -> None:
    first = bucket_at(QUARTER).link(KEY)
    for later_s in (0, 1, 3600, GOOD_FOR_S - 1):
        assert bucket_at(QUARTER + timedelta(seconds=later_s)).link(KEY) == first
    assert bucket_at(QUARTER + timedelta(seconds=GOOD_FOR_S)).link(KEY) != first
    assert bucket_at(QUARTER - timedelta(seconds=1)).link(KEY) != first
    assert bucket_at(QUARTER).link("weights/i2/lora.safetensors") != first


@pytest.mark.parametrize("later_s", [0, 1, 10_000, GOOD_FOR_S - 1])
def test_whenever_it_is_asked_for_it_lives_six_hours(later_s: int) -> None:
    now = QUARTER + timedelta(seconds=later_s)
    query = parse_qs(urlsplit(bucket_at(now).link(KEY)).query)
    signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert signed_at <= now
    assert signed_at + timedelta(seconds=int(query["X-Amz-Expires"][0])) - now >= timedelta(hours=6)


def test_new_credentials_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = bucket_at(QUARTER).link(KEY)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111111111111")
    after = bucket_at(QUARTER).link(KEY)
    assert (before != after, "111111111111" in after) == (True, True)
