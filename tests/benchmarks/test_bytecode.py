"""Output of the benchmark of the layers' bytecode."""

from io import StringIO

from rich.console import Console

from benchmarks.bytecode import Pair, table


def test_medians_are_compared_and_a_slow_start_changes_nothing() -> None:
    console = Console(width=80, file=StringIO(), record=True)
    console.print(table([Pair("get_identity", [400, 410, 4000], [200, 205, 2000])]))
    assert " 410 " in console.export_text(clear=False)
    assert " 0.50 " in console.export_text()
