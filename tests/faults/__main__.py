"""``python -m tests.faults`` fills the table and writes docs/faults.md; with a workflow: one column, as JSON.

A column has a process of its own, which forks.
"""

import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict

from tests.faults.page import PAGE, page, texts_of
from tests.faults.table import fill, filled, wrong
from tests.faults.workflows import WORKFLOWS


def main(names: list[str]) -> int:
    for workflow in WORKFLOWS:
        if workflow.name in names:
            with redirect_stdout(sys.stderr):  # the sweep prints metrics
                column = fill(workflow)
            cells = {
                fault: {name: asdict(report) for name, report in column[fault].items()} for fault in column
            }
            json.dump(cells, sys.stdout)
            return 0
    return _write()


def _write() -> int:
    """Write the page, unless something went wrong; the exit status."""
    columns = {workflow: filled(workflow) for workflow in WORKFLOWS}
    failures = [f"{each.name}: {what}" for each, column in columns.items() for what in wrong(each, column)]
    print("\n".join(failures), end="", file=sys.stderr)
    if not failures:
        PAGE.write_text(page({each.name: texts_of(each, column) for each, column in columns.items()}))
    return len(failures[:1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
