"""Every entry of every corpus: its code, and nothing paid, stored or called that should not be."""

from collections import Counter

import pytest

from tests.corpora.corpora import CORPORA
from tests.corpora.corpus import Corpus, tried
from tests.corpora.page import PAGE, page, rows


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.name)
def test_each_is_accepted_or_refused_as_it_should_be(corpus: Corpus) -> None:
    outcomes = [*tried(corpus)]
    wrong = [
        (entry.name, entry.expected, outcome) for entry, outcome in outcomes if outcome != entry.expected
    ]
    assert not wrong
    assert len(outcomes) >= corpus.minimum
    assert max(Counter(entry.name for entry, _ in outcomes).values()) == 1
    stale = "the page is stale: python -m tests.corpora writes it"
    assert rows(corpus, outcomes) in PAGE.read_text(), stale


def test_the_page_has_every_corpus() -> None:
    expected = {
        corpus.name: rows(corpus, ((entry, entry.expected) for entry in corpus.entries()))
        for corpus in CORPORA
    }
    assert PAGE.read_text() == page(expected)
