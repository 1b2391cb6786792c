"""Programs that serve for a run tell where they listen, say why they do not, and end with their parent."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from local import parent_watchdog
from local.errors import CannotRun
from local.service import Service, start_emulator

pytestmark = pytest.mark.processes


def test_a_watched_program_ends_when_its_parent_lets_go() -> None:
    waits = parent_watchdog.command("http.server", "--bind", "127.0.0.1", "0")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Serving")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == parent_watchdog.END_OF_PARENT


def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        emulator = start_emulator(wait_scale=1, aws_port=port, logs=tmp_path)
        with pytest.raises(CannotRun, match=rf"^Port {port} is in use; --aws-port .* chooses another one\.$"):
            emulator.announcement()
        emulator.stop()


def test_a_program_that_breaks_is_quoted(tmp_path: Path) -> None:
    service = Service("no.such.module", logs=tmp_path)
    with pytest.raises(CannotRun, match=r"no\.such\.module ended: .*No module named"):
        service.announcement()
    service.stop()
