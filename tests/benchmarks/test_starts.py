"""What the benchmark of cold starts prints, and what it complains about."""

import json
from io import StringIO

import pytest
from rich.console import Console

from benchmarks.starts import Start, Starts, events, main, problems, table
from local.errors import CannotRun


def starts(now_ms: float, function: str = "get_identity", compared_with: str = "") -> Starts:
    """A function that took 400 ms before; two starts in each place were slower for another reason."""

    def around(init_ms: float) -> list[Start]:
        return [Start(init_ms + more, 100, 70) for more in (5, 0, 3000)]

    return Starts(function, compared_with or function, around(400), around(300), around(now_ms))


def test_the_quickest_are_compared_and_a_slow_start_changes_nothing() -> None:
    assert starts(200).ratio == 0.5
    assert list(problems([starts(200)])) == []


def test_a_function_that_takes_longer_than_half_is_named() -> None:
    assert list(problems([starts(200), starts(240, "list_identities")])) == [
        "list_identities: its init takes 60% of what list_identities took, more than 50%."
    ]


def test_what_takes_too_long_is_said_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("baseline", "today", "without_bytecode"):
        monkeypatch.setattr(f"benchmarks.starts.{name}", lambda *_: None)
    monkeypatch.setattr("benchmarks.starts._starts", lambda *_: starts(240))
    assert main(["get_identity"]) == 0
    assert "get_identity: its init takes 60%" in capsys.readouterr().out


def test_a_function_that_fails_fails_the_benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> Starts:
        raise CannotRun("get_identity fails: no such table")

    for name in ("baseline", "today", "without_bytecode"):
        monkeypatch.setattr(f"benchmarks.starts.{name}", lambda *_: None)
    monkeypatch.setattr("benchmarks.starts._starts", broken)
    assert main(["get_identity"]) == 1
    assert capsys.readouterr().err == "get_identity fails: no such table\n"


def test_a_function_that_is_new_is_marked_as_measured_beside_another() -> None:
    console = Console(width=80, file=StringIO(), record=True)
    console.print(table([starts(200), starts(200, "show_health", "get_identity")]))
    text = console.export_text()
    assert "show_health*" in text
    assert "get_identity*" not in text
    (sentence,) = problems([starts(240, "show_health", "get_identity")])
    assert sentence == "show_health: its init takes 60% of what get_identity took, more than 50%."


def test_the_table_fits_a_narrow_terminal() -> None:
    console = Console(width=80, file=StringIO(), record=True)
    console.print(table([starts(200, "proxy_astria_create_prompt")]))
    text = console.export_text()
    assert "proxy_astria_create_prompt" in text
    assert "0.50" in text
    assert "0.60" in text, "the first answer: 300 ms instead of 500 ms"
    assert "…" not in text


def test_every_function_behind_the_api_gets_a_request_for_its_route() -> None:
    requests = {name: json.loads(event) for name, event in events().items()}
    assert len(requests) > 25
    assert requests["get_generation"]["rawPath"] == "/v1/generations/nothing"
    assert not [name for name, event in requests.items() if "{" in event["rawPath"]]


def test_names_of_no_function_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get_identity", "get_identities"]) == 1
    assert capsys.readouterr().err == "No such function behind the API: get_identities.\n"
