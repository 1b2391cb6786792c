"""What a user of the client writes, for the strict type checker of its test; it is never run."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import assert_type

from character_identity_client import ApiClient, AsyncApiClient, Generation, Identity, IdentitySummary, Result
from character_identity_client.events import GenerationCompleted, IdentityFailed, ImageScored
from character_identity_client.webhooks import verify


def blocking() -> None:
    with ApiClient() as api:
        assert_type(api.get_identity("i1"), Identity)
        assert_type(api.run("Jane", "astria", Path("jane"), "Jane", seed=7, on_progress=print), Result)
        assert_type(next(api.list_identities(status="ready")), IdentitySummary)
        api.delete_webhook("e1")
        api.get_identity()  # type: ignore[call-arg]
        api.generate("i1", "Jane", sead=7)  # type: ignore[call-arg]
        api.wait_until_ready("i1", timeout="soon")  # type: ignore[call-arg]


async def awaiting() -> None:
    async with AsyncApiClient("https://api.test", "a-token") as api:
        assert_type(await api.generate("i1", "Jane", num_images=2), Generation)
        async for each in api.list_identities():
            assert_type(each, IdentitySummary)


def receiving(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    match verify(secret, headers, body, now):
        case GenerationCompleted() as event:
            print(event.error)  # type: ignore[attr-defined]
            return assert_type(event.generation_id, str)
        case IdentityFailed(error=error):
            return error.message
        case ImageScored(image_number=number, clip_similarity=similarity):
            return f"{number}: {assert_type(similarity, float | None)}"
        case event:
            return f"{event.type} {event.id}"
