"""Tables that people may have edited, as separated text: read whole, told by file and row."""

import csv
import io
import re
from collections.abc import Callable, Iterator

from character_evaluation.errors import BadResults

csv.field_size_limit(1 << 20)  # characters
SEPARATORS = (",", ";", "\t")
"""Commas as we write them; the others are those of spreadsheets where a comma stands in numbers."""
WITH_COMMA = re.compile(r"(-?\d+),(\d+([eE][-+]?\d+)?)")
"""A number as these write it."""
GROUPED = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
"""A number of thousands as these show it in groups, or of one to 999 as others write it."""


def read_table(
    text: str, file: str, problem_of: Callable[[list[str]], str | None]
) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows below it, the second row of the table first; ``file`` is for errors.

    ``problem_of`` says what is wrong with a header. Where no comma separates columns, one in a number becomes
    a point. What spreadsheets leave behind a table is left out: rows without anything. What they leave out is
    empty: of some rows Excel writes no cells behind the last that has something, separators neither
    (https://github.com/exceljs/exceljs/issues/454, read 2026-11-29).

    Raises:
        BadResults: it is no such table; a row within it is empty or longer than the header; a number may be a
            thousandfold, for it has a point where others have commas.
    """
    text = text.removeprefix("\ufeff")
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header, *rows = list(_until_the_last(reader)) or [[]]
    except csv.Error as error:
        raise BadResults(f"{file}, line {reader.line_num}: this is no CSV ({error}).") from error
    if problem := problem_of(header):
        raise BadResults(f"{file}: the header {problem}.")
    for number, cells in enumerate(rows, 2):
        if not any(cells):
            raise BadResults(f"{file}, row {number}: it is empty, and others follow.")
        if len(cells) > len(header):
            raise BadResults(
                f"{file}, row {number}: it has {len(cells)} cells, and the header {len(header)}."
            )
        cells += [""] * (len(header) - len(cells))
    if separator == ",":
        return header, rows
    pointed = [[_with_point(cell) for cell in cells] for cells in rows]
    for number, cells in enumerate(rows, 2) if pointed != rows else ():
        if grouped := next(filter(GROUPED.fullmatch, cells), None):
            raise BadResults(
                f"{file}, row {number}: {grouped} has a point, and other numbers have commas; "
                "save numbers without groups of thousands."
            )
    return header, pointed


def _with_point(cell: str) -> str:
    number = WITH_COMMA.fullmatch(cell)
    return f"{number[1]}.{number[2]}" if number else cell


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
