"""Lists, page by page: whole whatever comes meanwhile, small whatever is stored, as quick as ever."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from character_identity.api.routes.table import ROUTES
from character_identity.aws import keys
from character_identity.aws.items import to_attributes
from character_identity.aws.table import MOST_READS
from character_identity.domain.failure import Failure
from character_identity.domain.generation import GeneratedImage, Generation, ProducedImage
from character_identity.domain.identity import Identity
from character_identity.domain.score import Score
from character_identity.domain.view import EncoderVersion
from tests.support import direct_calls
from tests.support.builders import NOON, a_generation, a_request, a_score, an_identity, some_weights
from tests.support.handlers import Answer, Api

MEGABYTE = 1_000_000
IDENTITIES, GENERATIONS, WEBHOOKS = "/v1/identities", "/v1/identities/i1/generations", "/v1/webhooks"
LISTS = {
    IDENTITIES: ("list_identities", "identities", "characterId"),
    GENERATIONS: ("list_generations", "generations", "generationId"),
    WEBHOOKS: ("list_webhooks", "webhooks", "endpointId"),
}
SCORE = a_score(EncoderVersion("clip-vit-b32", "0f1e", "v1"), "0f1e", {"references/i1/0001.jpg": 0.8})


def ask(api: Api, path: str, owner: str = "ann", **query: str) -> Answer:
    """Call the function of a list."""
    return api(LISTS[path][0], "GET", path, owner=owner, query=query)


def pages(api: Api, path: str, meanwhile: Callable[[], None] = lambda: None, **query: str) -> Iterator[Any]:
    """The bodies of a list's pages, each within a megabyte; something happens between two."""
    cursor: dict[str, str] = {}
    while True:
        answer = ask(api, path, **query, **cursor)
        assert answer.status == 200, answer.body
        assert len(json.dumps(answer.body)) < MEGABYTE
        yield answer.body
        if "nextCursor" not in answer.body:
            return
        cursor = {"cursor": answer.body["nextCursor"]}
        meanwhile()


def ids(api: Api, path: str, meanwhile: Callable[[], None] = lambda: None, **query: str) -> list[str]:
    """The ids of a list, over all of its pages."""
    _, entries, name = LISTS[path]
    return [entry[name] for page in pages(api, path, meanwhile, **query) for entry in page[entries]]


def row_of(stored: Identity | Generation | tuple[str, Score]) -> dict[str, Any]:
    """As the repositories write an identity, a generation, or a score of a generation's first picture."""
    match stored:
        case Identity():
            key, owner = keys.identity(stored.identity_id), keys.identities_of(stored.owner)
            return {
                **key,
                **keys.listed(owner, stored.created_at),
                **stored.model_dump(mode="json", exclude_defaults=True),
            }
        case Generation():
            key, of = keys.generation(stored.generation_id), keys.generations_of(stored.identity_id)
            return {
                **key,
                **keys.listed(of, stored.created_at),
                **stored.model_dump(mode="json", exclude_defaults=True),
            }
        case generation_id, score:
            return {**keys.score(generation_id, 1, score.encoder), **score.model_dump(mode="json")}


def store(*stored: Identity | Generation | tuple[str, Score]) -> None:
    """Write many rows, past the repositories, which would take a transaction for each."""
    client = boto3.client("dynamodb")
    rows = [{"PutRequest": {"Item": to_attributes(row_of(each))}} for each in stored]
    for start in range(0, len(rows), 25):
        client.batch_write_item(RequestItems={"state": rows[start : start + 25]})


def identity(number: int, **changes: Any) -> Identity:
    created_at = NOON + timedelta(seconds=number)
    return an_identity(**({"identity_id": f"i{number}", "created_at": created_at} | changes))


def generation(number: int, **changes: Any) -> Generation:
    """One that is done."""
    image = GeneratedImage(index=1, outcome="succeeded", key=f"generations/i1/g{number}/01.jpg")
    values: dict[str, Any] = {
        "generation_id": f"g{number}",
        "created_at": NOON + timedelta(seconds=number),
        "status": "succeeded",
        "settled_at": NOON,
        "prompt_used": "Sarah runs",
        "images": [image],
    }
    return a_generation(**(values | changes))


def webhooks(api: Api, count: int) -> list[str]:
    """Register as many, newest first."""
    urls = [f"https://93.184.215.14/{number}" for number in range(count)]
    made = [api("create_webhook", "POST", WEBHOOKS, {"url": url}).body["endpointId"] for url in urls]
    return made[::-1]


class TestLongList:
    """Many pages, with new entries between two."""

    @pytest.mark.parametrize("path", [IDENTITIES, GENERATIONS])
    @pytest.mark.parametrize(
        ("count", "limit"), [(300, 10), pytest.param(3000, 100, marks=pytest.mark.exhaustive)]
    )
    def test_every_entry_comes_once_in_as_many_calls_a_page_as_ever(
        self, api: Api, path: str, count: int, limit: int
    ) -> None:
        make: Callable[..., Any] = identity if path == IDENTITIES else generation
        oldest = an_identity(created_at=NOON - timedelta(days=1))
        store(oldest, *(make(number) for number in range(2, count + 2)))
        expected = [f"{'i' if path == IDENTITIES else 'g'}{number}" for number in range(count + 1, 1, -1)]
        new = iter(range(5000, 5100))
        calls, of_each_page = direct_calls.calls, list[Counter[str]]()

        def arrive() -> None:
            del calls["dynamodb UpdateItem"]  # of every second list: it counts ten reads
            of_each_page.append(calls.copy())
            store(make(next(new)))
            calls.clear()

        calls.clear()
        found = ids(api, path, arrive, limit=str(limit))
        assert found == expected + (["i1"] if path == IDENTITIES else [])
        assert len(of_each_page) == (len(found) - 1) // limit, "between two pages"
        first, *others = of_each_page
        assert sum(first.values()) == (1 if path == IDENTITIES else 3)
        assert all(each == first for each in others)

    def test_few_among_many_are_found_page_by_page(self, api: Api) -> None:
        few = {7, 1500, 2999}
        store(*(identity(number, status="failed" if number in few else "ready") for number in range(3000)))
        calls = direct_calls.calls
        calls.clear()
        found = [page["identities"] for page in pages(api, IDENTITIES, status="failed", limit="2")]
        assert [each["characterId"] for page in found for each in page] == ["i2999", "i1500", "i7"]
        assert calls.total() <= MOST_READS * len(found)


class TestSize:
    """Each page is small whatever is stored."""

    LONG = "\N{GRINNING FACE}" * 4000

    @pytest.mark.parametrize("limit", ["20", "100"])
    def test_generations_with_the_longest_texts(self, api: Api, limit: str) -> None:
        large = {
            "prompt_used": self.LONG,
            "request": a_request(prompt=self.LONG, negative_prompt=self.LONG),
            "warnings": [self.LONG] * 2,
            "produced": [ProducedImage(url="https://v3.fal.media/" + "x" * 2000)] * 8,
            "error": Failure(code="c", message=self.LONG),
        }
        store(an_identity(), *(generation(number, **large) for number in range(120)))
        found = [*pages(api, GENERATIONS, limit=limit)]
        listed = [entry["generationId"] for page in found for entry in page["generations"]]
        assert listed == [f"g{number}" for number in range(119, -1, -1)]
        assert all(page["generations"] for page in found), "none is empty"
        assert found[0]["generations"][0]["metadata"]["promptUsed"] == self.LONG, "nothing is cut"

    def test_identities_with_many_references_and_errors(self, api: Api) -> None:
        store(
            *(
                identity(
                    number,
                    name="\N{GRINNING FACE}" * 80,
                    references=[f"references/i{number}/{reference:04}.jpg" for reference in range(100)],
                    weights=some_weights(provider_url="https://v3.fal.media/" + "x" * 2000),
                    error=Failure(code="c", message=self.LONG),
                )
                for number in range(120)
            )
        )
        assert ids(api, IDENTITIES, limit="100") == [f"i{number}" for number in range(119, -1, -1)]

    def test_an_entry_has_one_link(self, api: Api) -> None:
        references = [f"references/i2/{number:04}.jpg" for number in range(1, 4)]
        main = identity(2, references=references, main_reference=references[2], weights=some_weights())
        failed = generation(3, status="failed", images=[], error=Failure(code="no_image", message="none"))
        images = [
            GeneratedImage(index=1, outcome="filtered"),
            GeneratedImage(index=2, outcome="succeeded", key="generations/i1/g2/02.jpg"),
            GeneratedImage(index=3, outcome="succeeded", key="generations/i1/g2/03.jpg"),
        ]
        store(an_identity(), main, generation(2, images=images), failed)
        of_main, first = ask(api, IDENTITIES).body["identities"]
        of_failed, of_images = ask(api, GENERATIONS).body["generations"]
        assert of_failed["thumbnailUrl"] is None
        assert (of_failed["scoring"], of_images["scoring"]) == ("notScored", None)
        for entry, key in (
            (of_main, "references/i2/0003.jpg"),
            (first, "references/i1/0001.jpg"),
            (of_images, "generations/i1/g2/02.jpg"),
        ):
            assert key in entry["thumbnailUrl"]
            assert json.dumps(entry).count("Signature=") == 1

    def test_a_generation_in_a_list_says_how_alike_its_thumbnail_is(self, api: Api) -> None:
        store(an_identity(), generation(2), generation(3), ("g2", SCORE))
        unscored, scored = ask(api, GENERATIONS).body["generations"]
        assert (scored["clipSimilarity"], unscored["clipSimilarity"]) == (0.8, None)
        assert (scored["scoring"], unscored["scoring"]) == ("complete", None)
        assert scored["metadata"]["promptUsed"] == "Sarah runs"


class TestPages:
    def test_a_page_has_twenty_entries_unless_another_number_is_asked_for(self, api: Api) -> None:
        store(*(identity(number) for number in range(25)))
        assert [len(page["identities"]) for page in pages(api, IDENTITIES)] == [20, 5]
        assert [len(page["identities"]) for page in pages(api, IDENTITIES, limit="25")] == [25]
        assert [len(page["identities"]) for page in pages(api, IDENTITIES, limit="24")] == [24, 1]

    def test_pages_may_differ_in_size(self, api: Api) -> None:
        store(*(identity(number) for number in range(5)))
        first = ask(api, IDENTITIES, limit="2").body
        rest = ask(api, IDENTITIES, limit="100", cursor=first["nextCursor"]).body
        listed = [each["characterId"] for page in (first, rest) for each in page["identities"]]
        assert listed == ["i4", "i3", "i2", "i1", "i0"]

    def test_webhooks_come_newest_first_page_by_page(self, api: Api) -> None:
        made = webhooks(api, 5)
        assert ids(api, WEBHOOKS) == made
        assert ids(api, WEBHOOKS, limit="2") == made

    def test_what_is_erased_is_not_listed_and_pages_go_on(self, api: Api) -> None:
        store(*(identity(number, provider="fal-instant") for number in range(6)))

        def erase_the_last_one() -> None:
            api("erase_identity", "DELETE", f"{IDENTITIES}/i4")
            api("erase_identity", "DELETE", f"{IDENTITIES}/i2")

        assert ids(api, IDENTITIES, erase_the_last_one, limit="2") == ["i5", "i4", "i3", "i1", "i0"]
        assert ids(api, IDENTITIES, limit="2") == ["i5", "i3", "i1", "i0"]
        assert ids(api, IDENTITIES, status="ready") == ["i5", "i3", "i1", "i0"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"status": "training"}, ["i4"]),
            ({"status": "ready", "provider": "astria"}, ["i2"]),
            ({"since": "2026-11-22T12:00:03Z"}, ["i4", "i3"]),
            ({"since": "2026-11-22T14:00:03+02:00"}, ["i4", "i3"]),
            ({"since": "2026-11-22T12:00:03"}, ["i4", "i3"]),
            ({"since": "2026-11-22"}, ["i4", "i3", "i2", "i1"]),
            ({"since": "2026-11-23"}, []),
        ],
    )
    def test_identities_are_filtered(self, api: Api, query: dict[str, Any], found: list[str]) -> None:
        store(identity(1), identity(2, provider="astria"), identity(3), identity(4, status="training"))
        for limit in ("1", "100"):
            assert ids(api, IDENTITIES, limit=limit, **query) == found

    def test_generations_are_filtered(self, api: Api) -> None:
        store(an_identity(), generation(1), generation(2, status="failed"), generation(3, status="queued"))
        assert ids(api, GENERATIONS, status="failed") == ["g2"]
        assert ids(api, GENERATIONS, provider="fal-lora", since="2026-11-22T12:00:02Z") == ["g3", "g2"]
        assert ids(api, GENERATIONS, provider="astria") == []


class TestRefusals:
    @pytest.mark.parametrize("path", LISTS)
    @pytest.mark.parametrize("limit", ["0", "101", "-1", "", "1.5", "ten", "1,2", "²", "9" * 5000])
    def test_a_limit_is_a_number_from_1_to_100(self, api: Api, path: str, limit: str) -> None:
        store(an_identity())
        answer = ask(api, path, limit=limit)
        assert (answer.status, answer.body["code"]) == (400, "invalid_parameter")
        assert answer.body["details"] == [{"field": "limit", "message": "is a number from 1 to 100"}]

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ({"status": "done"}, "training, ready, failed"),
            ({"status": ""}, "training, ready, failed"),
            ({"status": "ready,failed"}, "training, ready, failed"),
            ({"provider": "dall-e"}, "fal-instant, fal-lora, astria"),
            ({"since": "yesterday"}, "2026-11-22T12:00:00Z"),
            ({"since": "2026-11-22T12:00:00 00:00"}, "2026-11-22T12:00:00Z"),
            ({"since": "0001-01-01T00:00:00+14:00"}, "2026-11-22T12:00:00Z"),
            ({"statsu": "ready"}, "status, provider, since, limit, cursor"),
        ],
    )
    def test_a_filter_that_is_not_understood_is_named(
        self, api: Api, query: dict[str, str], says: str
    ) -> None:
        answer = ask(api, IDENTITIES, **query)
        assert (answer.status, answer.body["code"]) == (400, "invalid_parameter")
        assert says in answer.body["message"]
        assert [detail["field"] for detail in answer.body["details"]] == [*query]

    def cursor(self, api: Api, path: str = IDENTITIES, **query: str) -> str:
        store(identity(1), identity(2), identity(3), *(generation(number) for number in range(3)))
        cursor: str = ask(api, path, limit="1", **query).body["nextCursor"]
        return cursor

    @pytest.mark.parametrize("path", LISTS)
    def test_a_cursor_that_was_never_ours(self, api: Api, path: str) -> None:
        store(an_identity())
        answer = ask(api, path, cursor="eyJwayI6IklERU5USVRZI2kyIn0")
        assert (answer.status, answer.body["code"]) == (400, "invalid_cursor")
        assert "nextCursor" in answer.body["message"]

    def test_a_cursor_of_another_owners(self, api: Api) -> None:
        cursor = self.cursor(api)
        store(*(identity(number, owner="bob") for number in (4, 5)))
        answer = ask(api, IDENTITIES, owner="bob", cursor=cursor)
        assert (answer.status, answer.body["code"]) == (400, "invalid_cursor")

    def test_a_cursor_of_another_list(self, api: Api) -> None:
        store(generation(1, identity_id="i2"))
        cursor = self.cursor(api, GENERATIONS)
        other = GENERATIONS.replace("i1", "i2")
        for function, path in (("list_generations", other), ("list_identities", IDENTITIES)):
            answer = api(function, "GET", path, query={"cursor": cursor})
            assert (answer.status, answer.body["code"]) == (400, "invalid_cursor")

    @pytest.mark.parametrize(
        "other",
        [{}, {"status": "failed"}, {"status": "ready", "provider": "fal-lora"}, {"provider": "fal-lora"}],
    )
    def test_a_cursor_of_other_filters(self, api: Api, other: dict[str, str]) -> None:
        cursor = self.cursor(api, status="ready")
        assert ask(api, IDENTITIES, status="ready", cursor=cursor).status == 200
        answer = ask(api, IDENTITIES, **other, cursor=cursor)
        assert (answer.status, answer.body["code"]) == (400, "invalid_cursor")

    def test_anothers_identity_is_unknown_with_a_cursor_too(self, api: Api) -> None:
        cursor = self.cursor(api, GENERATIONS)
        answer = ask(api, GENERATIONS, owner="bob")
        assert (answer.status, answer.body["code"]) == (404, "unknown_identity")
        assert ask(api, GENERATIONS, owner="bob", cursor=cursor).status == 400


def test_every_route_that_lists_what_grows_is_paged() -> None:
    lists = {route.path.removeprefix("/v1") for route in ROUTES if route.function.startswith("list_")}
    paged = {route.path.removeprefix("/v1") for route in ROUTES if route.is_paged}
    assert lists - paged == {"/providers"}, "which are as many as there are adapters"
