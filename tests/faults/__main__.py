"""``python -m tests.faults`` fills the table and writes docs/faults.md."""

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from tests.faults.page import PAGE, page, texts_of
from tests.faults.table import fill, wrong
from tests.faults.workflows import WORKFLOWS


def main() -> int:
    """Write the page, unless something went wrong; the exit status."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # the sweep prints metrics
        columns = {workflow: fill(workflow) for workflow in WORKFLOWS}
    failures = [f"{each.name}: {what}" for each, column in columns.items() for what in wrong(each, column)]
    print("\n".join(failures), end="", file=sys.stderr)
    if not failures:
        PAGE.write_text(page({each.name: texts_of(each, column) for each, column in columns.items()}))
    return len(failures[:1])


if __name__ == "__main__":
    sys.exit(main())
