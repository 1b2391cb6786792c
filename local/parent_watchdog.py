"""Runs a module that ends when its parent does: ``python parent_watchdog.py MODULE [ARGUMENT ...]``.

The parent keeps the other end of our standard input and never writes to it. However the parent ends, SIGKILL
included, the system closes that end, we read end of file and leave at once.
"""

import os
import runpy
import sys
import threading
from collections.abc import Sequence

END_OF_PARENT = 113  # the exit status, so that it can be told from a failure of the module


def command(module: str, *arguments: str, python_options: Sequence[str] = ()) -> list[str]:
    """Return the command line that runs ``module`` until whoever holds its standard input is gone."""
    # -P: the folder of this file must not become importable by the module.
    return [sys.executable, "-P", *python_options, __file__, module, *arguments]


def _leave_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(END_OF_PARENT)


def main() -> None:
    """Run the module that the command line names."""
    del sys.argv[0]
    threading.Thread(target=_leave_with_parent, daemon=True, name="parent_watchdog").start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
