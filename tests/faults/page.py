"""Reads and writes the table of docs/faults.md."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.faults.table import ROWS, Column
from tests.faults.workflows import WORKFLOWS, Workflow

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"
TIMES = "\N{MULTIPLICATION SIGN}"

Texts = Mapping[str, str]
"""What is written in the cells of a workflow, by fault."""


def texts_of(workflow: Workflow, column: Column) -> Texts:
    """Say what came of each fault."""
    return {
        row.fault: _counted(told.text for told in column[row.fault].values())
        if row.spares(workflow) is None
        else "-"
        for row in ROWS
    }


def texts_on_page(workflow: Workflow) -> Texts:
    """Read what the page says of a workflow."""
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    heads, _, *rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return {row[0]: row[heads.index(workflow.name)] for row in rows}


def page(columns: Mapping[str, Texts]) -> str:
    """Write the page with these columns, by workflow."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    names = [workflow.name for workflow in WORKFLOWS]
    lines = [["fault", *names], ["---"] * (1 + len(names))]
    lines += [[row.fault, *(columns[name][row.fault] for name in names)] for row in ROWS]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{head}{BEGIN}\n{table}\n{_reasons()}\n{END}{rest.partition(END)[2]}"


def _counted(outcomes: Iterable[str]) -> str:
    texts = Counter(outcomes)
    if len(texts) == texts.total() == 1:
        return next(iter(texts))
    return "; ".join(
        f"{count} {TIMES} {text}" for text, count in sorted(texts.items(), key=lambda item: -item[1])
    )


def _reasons() -> str:
    """Say why some cells hold nothing."""
    spared: dict[str, list[str]] = {}
    for row in ROWS:
        for workflow in WORKFLOWS:
            reason = row.spares(workflow)
            if reason is not None and row.fault not in spared.setdefault(reason, []):
                spared[reason].append(row.fault)
    return "".join(f"- {'; '.join(faults)}: {reason}\n" for reason, faults in spared.items())
