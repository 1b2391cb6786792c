"""Tables that people may have edited, as text with commas: read whole, told by file and row."""

import csv
import io
from collections.abc import Callable, Iterator

from character_evaluation.errors import BadResults

csv.field_size_limit(1 << 20)  # characters
OTHER_SEPARATORS = (";", "\t")
"""That spreadsheets write where a comma stands in numbers."""


def read_table(
    text: str, file: str, problem_of: Callable[[list[str]], str | None]
) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows below it, the second row of the table first; ``file`` is for errors.

    ``problem_of`` says what is wrong with a header. What spreadsheets leave behind a table is left out: rows
    without anything.

    Raises:
        BadResults: it is no such table, or a row within it is empty or of another length.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header, *rows = list(_until_the_last(reader)) or [[]]
    except csv.Error as error:
        raise BadResults(f"{file}, line {reader.line_num}: this is no CSV ({error}).") from error
    if len(header) == 1 and any(separator in header[0] for separator in OTHER_SEPARATORS):
        raise BadResults(f"{file}: its columns are not separated by commas; save it as CSV with commas.")
    if problem := problem_of(header):
        raise BadResults(f"{file}: the header {problem}.")
    for number, cells in enumerate(rows, 2):
        if not any(cells):
            raise BadResults(f"{file}, row {number}: it is empty, and others follow.")
        if len(cells) != len(header):
            raise BadResults(
                f"{file}, row {number}: it has {len(cells)} cells, and the header {len(header)}."
            )
    return header, rows


def _until_the_last(lines: Iterator[list[str]]) -> Iterator[list[str]]:
    """Leave out rows without anything after the last that has something."""
    empty: list[list[str]] = []
    for cells in lines:
        if any(cells):
            yield from empty
            yield cells
            empty = []
        else:
            empty.append(cells)
