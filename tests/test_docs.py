"""The documents name what is there."""

import ast
import json
import re
from pathlib import Path

import pytest

from character_identity.api.routes.table import ROUTES
from character_identity.domain.errors import ServiceError
from tests.histories.mutants import MUTANTS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "layers" / "core" / "python" / "character_identity"
NEVER_SHOWN = {"given_up", "parked"}
"""Codes in the state of a machine whose job has another outcome, or none yet."""
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_every_route_that_a_document_names_exists() -> None:
    known = {route.key for route in ROUTES}
    named = {
        route
        for path in DOCUMENTS
        for route in re.findall(r"`((?:GET|POST|DELETE) /v1/[^`?\s]+)`", path.read_text())
    }
    assert named - known == set()


def test_every_code_with_which_a_job_fails_is_told() -> None:
    page = (ROOT / "docs" / "api.md").read_text().partition("\nAn identity or generation that failed ")[2]
    calls = [
        node
        for path in (*PACKAGE.glob("services/jobs/*.py"), PACKAGE / "services" / "identities.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Failure"
    ]
    codes = {
        str(word.value.value)
        for call in calls
        for word in call.keywords
        if word.arg == "code" and isinstance(word.value, ast.Constant)
    }
    machines = [
        json.loads((ROOT / "infra" / "state_machines" / f"{name}.asl.json").read_text())
        for name in ("train_identity", "generate_images")
    ]
    caught = {
        error
        for machine in machines
        for state in machine["States"].values()
        for retry in state.get("Retry", [])
        for error in retry["ErrorEquals"]
    }
    codes |= {ServiceError.code_of.get(error, ServiceError.default_code) for error in caught}
    assert len(codes) > 12
    assert sorted(codes - NEVER_SHOWN - {*re.findall(r"`(\w+)`", page)}) == []


def test_the_page_of_the_proxies_names_every_address() -> None:
    page = (ROOT / "docs" / "proxies.md").read_text()
    paths = {route.path for route in ROUTES if route.for_typescript}
    assert [path for path in paths if path not in page and path.rpartition("/prompts")[2] not in page] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", document.read_text())
    pages = [(document.parent / path if path else document, heading) for path, heading in links]
    missing = [
        (page.name, heading)
        for page, heading in pages
        if not page.exists() or (heading and heading not in _headings(page))
    ]
    assert missing == []


def _headings(page: Path) -> set[str]:
    """The names by which links lead to headings."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^##+ (.+)$", page.read_text(), re.M)
    }


def test_every_page_of_docs_is_named_where_things_are() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"](docs/{page.name}" not in readme] == []


def test_the_page_says_of_every_room_what_it_may_import() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text().partition("## Who may import whom")[2]
    named = set(re.findall(r"(?:^|  )(\w+) +<- ", table.partition("## ")[0], re.M))
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms - named == set()
    known = {path.stem for path in (*PACKAGE.iterdir(), *ROOT.iterdir())} | {"character_evaluation"}
    assert named - known == set()


def test_every_guard_that_a_mutant_leaves_out_is_listed() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert sorted(re.findall(r"^\| ((?:an?|the|success|weights|there) [^|]*?) \| ", page, re.M)) == sorted(
        MUTANTS
    )


def test_every_make_target_of_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {
        name
        for path in DOCUMENTS
        for name in re.findall(r"(?:^|`|\.\.\. )make ([a-z]+)", path.read_text(), re.M)
    }
    assert named - targets == set()


def test_the_glossary_leads_to_files_that_use_its_words() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| `([^`|]+)` \|$", page, re.M)
    assert len(rows) == len(page.split("|---|---|---|\n")[1].splitlines()), "a row of another form"
    assert rows == sorted(rows, key=lambda row: row[0].casefold())
    for word, path in rows:
        file = next((root / path for root in (ROOT, PACKAGE) if (root / path).is_file()), None)
        assert file, f"{word}: there is no {path}"
        assert _letters(word) in _letters(f"{path} {file.read_text()}"), f"{path} does not say {word}"


def test_the_words_of_the_field_lead_to_the_answers() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| ([^|`]+) \| `([^`|]+)` \|$", page, re.M)
    assert len(rows) >= 15
    lost = [
        (word, path)
        for word, path in rows
        for file in [next((root / path for root in (ROOT, PACKAGE) if (root / path).is_file()), None)]
        if file is None or word.casefold() not in file.read_text().casefold()
    ]
    assert lost == []


def test_the_tests_that_documents_name_exist() -> None:
    named = {
        found
        for document in DOCUMENTS
        for found in re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)*)[`\[]", document.read_text())
    }
    lost = [
        (path, name)
        for path, names in named
        for name in names.split("::")
        if not (ROOT / path).is_file()
        or (name and not re.search(rf"(def|class) {name}\b", (ROOT / path).read_text()))
    ]
    assert lost == []
    assert len(named) > 20


def _letters(text: str) -> str:
    """A text in which ``perceptual hash``, ``perceptual_hash`` and ``PerceptualHash`` are the same."""
    return re.sub(r"[\W_]", "", text).casefold()
