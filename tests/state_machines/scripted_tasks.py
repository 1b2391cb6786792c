"""Stands for every function of a state machine and plays what the input's ``script`` says.

It runs in the emulator, and in this process for tests/support/in_process. ``script`` has a list of steps for
each function, one for each call and the last for all further ones. A step may say
``{"raises": name}``: end in an error of that name;
``{"wakes": True}``, with a task token: send it back at once, before anything else;
``{"hands_out": True}``, with a task token: leave it in the folder for somebody else to send;
``{"grows": size}``: add that many characters to the state.
All else changes the state.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return play(os.environ["AWS_LAMBDA_FUNCTION_NAME"].rsplit("-", 1)[0], event, _send_back)


def play(name: str, event: dict[str, Any], send_back: Callable[[str], None]) -> dict[str, Any]:
    """One call of the function of this name."""
    token = event.get("wake_token", "")
    state = event["state"] if token else event
    folder, steps = Path(state["folder"]), state["script"][name]
    step = dict(steps[min(_calls_before(folder / name), len(steps) - 1)])
    if step.pop("wakes", False):
        send_back(token)
    if step.pop("hands_out", False):
        (folder / "token.new").write_text(token)
        (folder / "token.new").rename(folder / "token")  # whole, as soon as it is there
    if "raises" in step:
        raise type(step["raises"], (Exception,), {})("as the script says")
    return {**state, "ballast": "x" * step.pop("grows", 0), **step}


def _calls_before(counter: Path) -> int:
    """Counted in a file, since each call may come to another process; those of a map's children at once."""
    with counter.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed, which writes what was added
        file.seek(0)
        calls = len(file.read())
        file.write(".")
    return calls


def _send_back(token: str) -> None:
    import boto3  # only one call in a hundred needs it

    boto3.client("stepfunctions").send_task_success(taskToken=token, output="{}")
