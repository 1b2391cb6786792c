"""The two open documents: the description of the API, and the page to try it on."""

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from typing import Any

import pytest

from functions.show_openapi import handler as show_openapi
from local.packages import ROOT
from scripts.openapi import write_openapi
from scripts.typescript import CLIENT
from tests.support.handlers import Context, api_event
from tests.support.openapi import described

BUCKET = "https://media.s3.eu-west-1.amazonaws.com"
VOID = {"meta", "link", "input", "br", "img", "hr"}


def shown(name: str, path: str) -> Any:
    """The answer to somebody without a token, to whom no function but this one is known."""
    return import_module(f"functions.{name}.handler").lambda_handler(api_event("GET", path), Context())


class Page(HTMLParser):
    """What stands in the page: elements with their attributes, open ones, and the text of some."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: dict[str, str] = {}
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text[self.open[-1] if self.open else ""] = data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def answer() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BUCKET_NAME", "media")
        patched.setenv("AWS_REGION", "eu-west-1")
        patched.delenv("AWS_ENDPOINT_URL", raising=False)
        yield shown("show_docs", "/docs")


def test_the_root_leads_to_the_documents_and_monitors_get_an_answer() -> None:
    assert json.loads(shown("show_health", "/health")["body"]) == {"status": "ok"}
    paths = json.loads(shown("show_start", "/")["body"])
    assert set(paths.values()) <= {path for path, item in described()["paths"].items() if "get" in item}


@pytest.fixture(scope="module")
def page(answer: Any) -> Page:
    return Page(answer["body"])


def policy(answer: Any) -> dict[str, list[str]]:
    """The content security policy, by directive."""
    parts = answer["headers"]["Content-Security-Policy"].split("; ")
    return {name: values for name, *values in map(str.split, parts)}


def test_the_description_is_sent_as_json_and_may_be_kept_a_while() -> None:
    write_openapi()
    show_openapi._document.cache_clear()  # an earlier test may have shown one that was written before
    answer = shown("show_openapi", "/openapi.json")
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "application/json")
    assert re.fullmatch(r"public, max-age=\d+", answer["headers"]["Cache-Control"])
    assert json.loads(answer["body"]) == json.loads(json.dumps(described()))


def test_the_page_has_the_gallery_of_the_typescript_client_in_its_script(page: Page) -> None:
    assert (CLIENT / "src" / "gallery.js").read_text(encoding="utf-8") in page.text["script"]
    assert "first-pictures" in {attributes["id"] for attributes in page.all("identity-gallery")}


def test_the_page_is_sent_as_html_and_may_be_kept_a_while(answer: Any) -> None:
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert re.fullmatch(r"public, max-age=\d+", answer["headers"]["Cache-Control"])
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"


def test_the_page_may_run_its_own_script_and_call_this_api_and_nothing_else(answer: Any, page: Page) -> None:
    def digest(element: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(page.text[element].encode()).digest()).decode()}'"

    assert policy(answer) == {
        "default-src": ["'none'"],
        "script-src": [digest("script")],
        "style-src": [digest("style")],
        "img-src": ["data:", BUCKET],
        "connect-src": ["'self'", BUCKET],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }


def test_the_page_needs_nothing_from_elsewhere(answer: Any, page: Page) -> None:
    addresses = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"src", "href", "action", "data", "srcset"}
    ]
    assert addresses == ["data:,", "openapi.json"]
    assert "//" not in re.sub(r"^\s*// .*$", "", answer["body"], flags=re.MULTILINE)
    assert "@import" not in answer["body"]
    assert "url(" not in answer["body"]


def test_the_page_is_well_formed_and_none_of_its_parts_is_blocked_by_its_policy(page: Page) -> None:
    assert page.open == []
    assert (len(page.all("script")), len(page.all("style"))) == (1, 1)
    for _, attributes in page.elements:
        assert "style" not in attributes
        assert [name for name in attributes if name.startswith("on")] == []


def test_the_page_can_be_read_aloud_and_on_a_small_screen(page: Page) -> None:
    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert page.text["title"]
    assert len(page.all("main")) == len(page.all("h1")) == len(page.all("noscript")) == 1
    labelled = {attributes["for"] for attributes in page.all("label")}
    assert {attributes["id"] for attributes in page.all("input")} <= labelled
    assert any(attributes.get("role") == "status" for attributes in page.all("p"))


DRAWING = """
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
const keys = [], elements = { "first-prompt": { value: "a" } };
let keysMade = 0, answers = true;
const scope = {
  byId: (id) => (elements[id] ??= {}), setTimeout: (done) => done(),
  crypto: { randomUUID: () => `key ${++keysMade}` },
  request: (method, path, { headers }) => ({ method, path, headers }),
  fetch: async ({ method, path, headers }) => {
    if (method === "POST" && path.endsWith("generations")) keys.push(headers["Idempotency-Key"]);
    if (method === "GET" && !answers) throw new TypeError("Failed to fetch");
    const status = method === "GET" ? "succeeded" : "queued";
    return { ok: true, json: async () => ({ generationId: "g1", estimateUsd: 1, status }) };
  },
};
const script = readFileSync(process.argv[1], "utf8");
runInNewContext(`${script}; Object.assign(globalThis, { first, offer });`, scope);
await scope.offer("i1", "");
const click = () => scope.first.step().catch(() => {});
answers = false;
for (const prompt of ["a", "a", "b"]) {
  elements["first-prompt"].value = prompt;
  await click();
}
answers = true;
await click();
await click();
console.log(JSON.stringify(keys));
"""
"""Clicks on Draw: two while nobody answers, one with another prompt, one that ends, and one after that."""


@pytest.mark.processes
def test_the_page_orders_again_with_the_same_key_until_the_prompt_changes_or_the_order_ends() -> None:
    words = ["node", "--input-type=module", "-e", DRAWING, str(ROOT / "functions" / "show_docs" / "first.js")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == ["key 1", "key 1", "key 2", "key 2", "key 3"]


def test_the_token_is_kept_nowhere_but_in_the_page(page: Page) -> None:
    (token,) = [attributes for attributes in page.all("input") if attributes["id"] == "token"]
    assert (token["type"], token["autocomplete"]) == ("password", "off")
    for storage in ("localStorage", "sessionStorage", "document.cookie", "indexedDB", "innerHTML"):
        assert storage not in page.text["script"]
