"""The files of a run: read back, written again, and what is said of those that were edited."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from character_evaluation.__main__ import main
from character_evaluation.csv_file import ADDED
from character_evaluation.errors import BadResults
from character_evaluation.results import files_of, read_run
from character_evaluation.run import EvaluatedIdentity
from character_evaluation.votes import Vote
from character_identity.domain.evaluation import MANIFEST, MARKDOWN, ROWS
from character_identity.domain.prices import Price
from tests.evaluation.test_verdict import run
from tests.support.scenarios import SCENARIOS

HOSTILE = "<script>alert(1)</script> | [x](javascript:1) ‮ =1+1 `a` {{ 7*7 }}"
FACTS: Mapping[str, Mapping[str, Any]] = {
    "a": {"near_copy": "references/1.jpg", "weights_sha256": "ab12"},
    "b": {"lead": 0.1, "cost_usd": None},
}


VOTES = [
    Vote(scenario=scenario.name, variation=1, left="b", right="a", vote="left") for scenario in SCENARIOS
]


def written(folder: Path, **changes: Any) -> dict[str, str]:
    files = files_of(run(FACTS, **{"votes": VOTES, **changes}))
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8", newline="")
    return files


def test_every_page_follows_from_the_csv_and_the_manifest_byte_for_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = written(tmp_path, simulated=frozenset({"b", "a"}))
    assert files_of(read_run(tmp_path)) == files
    for name in ("gallery.html", "report.html", "report.md"):
        (tmp_path / name).unlink()
    assert main([str(tmp_path)]) == 0
    assert {path.name: path.read_bytes().decode() for path in tmp_path.iterdir()} == files
    assert capsys.readouterr().out.split() == [
        str(tmp_path / name) for name in ("gallery.html", "report.html", "report.md")
    ]
    monkeypatch.setenv("HOME", str(tmp_path.parent))  # as zsh leaves RESULTS=~/a
    assert main([f"~/{tmp_path.name}"]) == 0


def test_a_figure_that_is_edited_changes_the_pages_and_nothing_else_does(tmp_path: Path) -> None:
    files = written(tmp_path)
    rows = files[ROWS].replace("0.8,", "0.1,", 1)
    (tmp_path / ROWS).write_text(rows, encoding="utf-8", newline="")
    again = files_of(read_run(tmp_path))
    assert {name for name in files if again[name] != files[name]} == {
        ROWS,
        "gallery.html",
        "report.html",
        MARKDOWN,
    }


def test_an_earlier_run_has_pages_too(tmp_path: Path) -> None:
    """Its table ends before the versions of encoders, of which its manifest told some."""
    files = written(tmp_path)
    rows = [line.rsplit(",", len(ADDED))[0] for line in files[ROWS].splitlines()]
    (tmp_path / ROWS).write_text("\n".join(rows), encoding="utf-8")
    told = {**json.loads(files[MANIFEST]), "preprocessing": {"clip-vit-b32": "v1"}}
    (tmp_path / MANIFEST).write_text(json.dumps(told), encoding="utf-8")
    assert rows[0].endswith(",run_similarity_mean")
    assert files_of(read_run(tmp_path)) == files


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("close-up", "selfie", 1), "results.csv, row 2, scenario: "),
        (lambda text: text.replace("\r\na,", "\r\nnobody,", 1), "results.csv, row 2, provider: "),
        (lambda text: text.replace("succeeded", "nan", 1), "results.csv, row 2, outcome: "),
    ],
)
def test_rows_of_another_run_are_told(
    tmp_path: Path, change: Callable[[str], str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = written(tmp_path)
    (tmp_path / ROWS).write_text(change(files[ROWS]), encoding="utf-8", newline="")
    assert main([str(tmp_path)]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("images/gone.png", "results.csv, row 3, image: there is no such file."),
        ("../x.png", "results.csv, row 3, image: this is not in the folder of the run."),
        ("/etc/hostname", "results.csv, row 3, image: this is not in the folder of the run."),
        ("images/%00.png", "results.csv, row 3, image: this is no path and no link."),
        ("i" * 5_000, "results.csv, row 3, image: this is no path and no link."),
        ("http://[", "results.csv, row 3, image: this is no path and no link."),
        ("javascript:alert(1)", "results.csv, row 3, image: this is no path and no link."),
        ("data:text/html,x", "results.csv, row 3, image: this is no path and no link."),
        ("file:///etc/hostname", "results.csv, row 3, image: this is no path and no link."),
        ("//other.test/1.png", "results.csv, row 3, image: this is no path and no link."),
        ("images/here%20.png", None),
        ("https://pictures.test/1.png", None),
        (None, None),
    ],
)
def test_a_picture_that_is_missing_is_told_by_its_row(
    tmp_path: Path, image: str | None, told: str | None
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "here .png").touch()
    first, second, *others = run(FACTS).rows
    written(tmp_path, rows=[first, replace(second, image=image), *others])
    if told is None:
        assert read_run(tmp_path).rows[1].image == image
        return
    with pytest.raises(BadResults) as caught:
        read_run(tmp_path)
    assert str(caught.value).endswith(told)


def test_a_reference_that_is_missing_is_told(tmp_path: Path) -> None:
    written(tmp_path, references=["references/1.jpg"])
    with pytest.raises(BadResults, match=r"evaluation\.json, references\.0: there is no such file\."):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        ("scenarios", lambda known: [], "evaluation.json, scenarios: there are none."),
        ("identities", lambda known: [], "evaluation.json, identities: there are none."),
        ("scenarios", lambda known: [*known, known[1]], "scenarios.5: scenarios.1 has the same name."),
        ("identities", lambda known: [known[0]] * 2, "identities.1: identities.0 has the same name."),
    ],
)
def test_a_manifest_has_names_and_each_once(
    tmp_path: Path, part: str, change: Callable[[list[Any]], list[Any]], told: str
) -> None:
    manifest = json.loads(written(tmp_path)["evaluation.json"])
    edited = {**manifest, part: change(manifest[part])}
    (tmp_path / "evaluation.json").write_text(json.dumps(edited))
    with pytest.raises(BadResults, match=rf"{re.escape(told)}$"):
        read_run(tmp_path)


def test_an_identity_has_one_price_in_all_its_rows(tmp_path: Path) -> None:
    identities = [EvaluatedIdentity(provider=name, training_cost_usd=2.0) for name in FACTS]
    files = written(tmp_path, identities=identities)
    assert read_run(tmp_path).identities == identities
    (tmp_path / ROWS).write_text(
        files[ROWS].replace(",2.0,,,,\r\n", ",3.0,,,,\r\n", 1), encoding="utf-8", newline=""
    )
    with pytest.raises(BadResults, match=r"row 3, training_cost_usd: an earlier row of a says another\."):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "as a whole: "),
        (b"{}", "character: "),
        (
            b'{"character": "A", "character": "B"}',
            "as a whole: this is no JSON (character stands there twice)",
        ),
        (json.dumps({"character": 1}).encode(), "character: "),
        (b"\xff", "no UTF-8"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    written(tmp_path)
    (tmp_path / "evaluation.json").write_bytes(content)
    with pytest.raises(BadResults, match=re.escape(told)):
        read_run(tmp_path)


def test_a_row_that_was_taken_out_is_told(tmp_path: Path) -> None:
    """Else who took out what failed would have a provider that never fails."""
    written(tmp_path, variations=1)
    assert read_run(tmp_path).variations == 1
    written(tmp_path, rows=run(FACTS).rows[1:], variations=1)
    with pytest.raises(BadResults, match=r"results\.csv: no row is of a, close-up, variation 1\.$"):
        read_run(tmp_path)


@pytest.mark.parametrize("vote", [{"variation": 2}, {"scenario": "action"}], ids=["never", "filtered"])
def test_a_vote_is_on_pictures_that_there_are(tmp_path: Path, vote: dict[str, Any]) -> None:
    rows = [
        replace(each, outcome="filtered", similarity_mean=None, near_copy=None)
        if (each.provider, each.scenario) == ("b", "action")
        else each
        for each in run(FACTS).rows
    ]
    written(tmp_path, rows=rows, votes=[VOTES[0], replace(VOTES[0], **vote)])
    with pytest.raises(BadResults, match=r"votes\.csv, row 3, left: the run has no such picture\."):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "time", ["2026-01-02T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_a_time_that_is_none_in_utc_or_another_on_another_machine_is_told(tmp_path: Path, time: str) -> None:
    manifest = json.loads(written(tmp_path)["evaluation.json"])
    (tmp_path / "evaluation.json").write_text(json.dumps({**manifest, "started_at": time}))
    with pytest.raises(BadResults, match=r"evaluation\.json, started_at: "):
        read_run(tmp_path)


def test_a_nearest_reference_is_one_of_those_that_there_are(tmp_path: Path) -> None:
    first, *others = run(FACTS).rows
    written(tmp_path, rows=[replace(first, nearest_reference=1), *others])
    with pytest.raises(BadResults, match=r"row 2, nearest_reference: evaluation\.json has 0 references\."):
        read_run(tmp_path)


def test_a_provider_without_rows_has_no_figures_whatever_the_manifest_says(tmp_path: Path) -> None:
    identities = [*run(FACTS).identities, EvaluatedIdentity(provider="c")]
    manifest = json.loads(written(tmp_path, identities=identities)["evaluation.json"])
    manifest["identities"][2]["training_cost_usd"] = -1e308
    (tmp_path / "evaluation.json").write_text(json.dumps(manifest))
    assert read_run(tmp_path).identities == identities
    assert "| c | unknown | unknown | unknown | unknown |" in files_of(read_run(tmp_path))[MARKDOWN]


def test_the_report_says_by_which_models_prices_and_seeds_it_came_about() -> None:
    seen = [
        replace(run(FACTS).rows[0], preprocessing="v1", face_encoder="face-dlib", face_weights_sha256="0f1e")
    ]
    listed = {"image": Price(0.035, "megapixel", "https://fal.test/price_list", "2026-11-22")}
    files = files_of(
        run(
            FACTS,
            models={"a": "fal-ai/flux-lora", "b": "astria/flux1"},
            prices={"a": listed},
            seed=7,
            rows=[*seen, *run(FACTS).rows[1:]],
        )
    )
    for line in (
        "seeds: 7 + 1000 times the number of the scenario + the variation",
        "model of a: fal-ai/flux-lora",
        "price of b: none is published; what it reports counts",
        "scored by clip-vit-b32, preprocessing v1, SHA-256 of its weights ab12",
        "scored by face-dlib, preprocessing unknown, SHA-256 of its weights 0f1e",
        "price of a, image: $0.035 per megapixel (https://fal.test/price_list, read 2026-11-22)",
    ):
        assert f"<li>{line}</li>" in files["report.html"]
        assert f"- {line}\n" in files[MARKDOWN].replace("\\", "")


def test_a_folder_without_a_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "evaluation.json cannot be read: No such file" in capsys.readouterr().err
    assert main([]) == 2


class Apart(HTMLParser):
    """The texts with a mark of another direction that do not stand apart from what is around them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.together: list[str] = []
        self._around: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "input"):
            classes = (dict(attrs).get("class") or "").split()
            self._around.append(tag in ("bdi", "title") or "given" in classes)

    def handle_endtag(self, tag: str) -> None:
        self._around.pop()

    def handle_data(self, data: str) -> None:
        if "‮" in data and not any(self._around):
            self.together.append(data)


def test_what_others_wrote_is_inert_in_every_page() -> None:
    whole = run(FACTS)
    files = files_of(
        run(
            FACTS,
            character=HOSTILE,
            rows=[
                type(row)(**{**vars(row), "error": HOSTILE, "prompt": HOSTILE, "outcome": "failed"})
                for row in whole.rows
            ],
        )
    )
    for name in ("gallery.html", "report.html"):
        assert "<script>alert" not in files[name]
        assert "&lt;script&gt;" in files[name]
        assert Apart(files[name]).together == [], "a mark of another direction turns nothing but its own text"
    assert not re.search(r"(?<!\\)[<\[`]", files[MARKDOWN].splitlines()[0])
    assert "49" not in files[MARKDOWN].splitlines()[0]


def test_what_an_edited_csv_calls_an_encoder_is_inert_in_markdown() -> None:
    hostile: dict[str, Any] = dict.fromkeys(("encoder", "weights_sha256", "preprocessing"), HOSTILE)
    edited = [replace(row, **hostile) for row in run(FACTS).rows]
    found = files_of(run(FACTS, rows=[*edited[:5], *run(FACTS).rows[5:]]))[MARKDOWN]
    assert "scores of different encoders" in found
    assert not re.search(r"(?<!\\)<script", found)
