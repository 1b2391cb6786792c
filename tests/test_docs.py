"""The documents name what is there."""

import re
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS
from tests.histories.mutants import MUTANTS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "layers" / "core" / "python" / "character_identity"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_api_page_lists_the_v1_routes_and_no_others() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    listed = re.findall(r"^\| `((?:GET|POST|PUT|DELETE) /\S+)`", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted(
        entry.route for entry in FUNCTIONS if entry.route and "/v1/" in entry.route
    )


def test_the_page_of_the_proxies_names_every_address() -> None:
    page = (ROOT / "docs" / "proxies.md").read_text()
    paths = [entry.route.split()[1] for entry in FUNCTIONS if "/api/" in entry.route]
    assert [path for path in paths if path not in page and path.rpartition("/prompts")[2] not in page] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


def test_every_path_that_documents_and_sources_name_exists() -> None:
    folders = ("benchmarks", "client", "docs", "functions", "infra", "layers", "local", "scripts", "tests")
    sources = [path for folder in folders[:-1] for path in (ROOT / folder).rglob("*.py")]
    from_root = re.compile(rf"(?<![\w./<>-])(?:{'|'.join(folders)})/[\w./-]*\w")
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in [*DOCUMENTS, *sources]
        for name in from_root.findall(path.read_text())
        if not (ROOT / name).exists()
    } | {
        f"{path.relative_to(ROOT)}: {name}"
        for path in DOCUMENTS
        for name in re.findall(r"`(\w[\w/]*/\w+\.py)`", path.read_text())
        if not ((ROOT / name).exists() or (PACKAGE / name).exists())
    }
    assert missing == set()


def test_every_error_code_of_the_api_is_documented() -> None:
    raised = {
        code
        for path in PACKAGE.rglob("*.py")
        for code in re.findall(r'\bcode="([a-z_]+)"', path.read_text())
        + re.findall(r'default_code = "([a-z_]+)"', path.read_text())
    }
    page = "".join(path.read_text() for path in DOCUMENTS)
    assert sorted(code for code in raised if f"`{code}`" not in page) == []


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


def _letters(text: str) -> str:
    """A text in which ``perceptual hash``, ``perceptual_hash`` and ``PerceptualHash`` are the same."""
    return re.sub(r"[\W_]", "", text).casefold()
