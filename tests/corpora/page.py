"""Writes docs/hostile-corpora.md: what becomes of each corpus, counted by kind."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.corpora.corpus import ACCEPTED, Corpus, Entry

PAGE = Path(__file__).parents[2] / "docs" / "hostile-corpora.md"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"
HEAD = ("corpus", "kind", "entries", "accepted", "refused")

Outcomes = Iterable[tuple[Entry, str]]


def rows(corpus: Corpus, outcomes: Outcomes) -> str:
    """The rows of a corpus: one for all of it, and one for each kind."""
    by_kind: dict[str, Counter[str]] = {}
    for entry, outcome in outcomes:
        by_kind.setdefault(entry.kind, Counter())[outcome] += 1
    whole = sum(by_kind.values(), Counter())
    kinds = [_row("", kind, counted) for kind, counted in by_kind.items()]
    return "".join([_row(f"**{corpus.name}**", "", whole), *kinds])


def page(rows_by_name: Mapping[str, str]) -> str:
    """The page with these rows, by the name of their corpus."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    table = "".join([_line(HEAD), _line(["---"] * len(HEAD)), *rows_by_name.values()])
    return f"{head}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"


def _row(name: str, kind: str, counted: Counter[str]) -> str:
    refused = "; ".join(f"{count} `{code}`" for code, count in sorted(_refused(counted)))
    return _line([name, kind, str(counted.total()), str(counted[ACCEPTED]), refused])


def _refused(counted: Counter[str]) -> Iterator[tuple[str, int]]:
    return ((code, count) for code, count in counted.items() if code != ACCEPTED)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n".replace("|  |", "| |")
