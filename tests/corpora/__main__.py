"""``python -m tests.corpora`` tries every entry of every corpus, and writes docs/hostile-corpora.md."""

import logging
import sys

from tests.corpora.corpora import CORPORA
from tests.corpora.corpus import tried
from tests.corpora.page import PAGE, page, rows


def main() -> int:
    """Write the page, unless an entry came to something else than it should; the exit status."""
    logging.disable()
    outcomes = {corpus: [*tried(corpus)] for corpus in CORPORA}
    wrong = [
        f"{corpus.name}, {entry.name}: {outcome} and not {entry.expected}"
        for corpus, found in outcomes.items()
        for entry, outcome in found
        if outcome != entry.expected
    ]
    print("\n".join(wrong), end="", file=sys.stderr)
    if not wrong:
        PAGE.write_text(page({corpus.name: rows(corpus, found) for corpus, found in outcomes.items()}))
    return len(wrong[:1])


if __name__ == "__main__":
    sys.exit(main())
