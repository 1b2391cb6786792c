"""The pool runs functions as Lambda does: one process a sandbox, under AWS's own runtime client."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.lambda_pool import Invocation, Pool
from local.lambda_sandbox import Function
from local.packages import runtime_packages
from tests.support.waiting import HANGS_AFTER_S, wait_until

pytestmark = pytest.mark.processes

CORE = Path(__file__).parents[2] / "layers/core/python"
HANDLER = """
import os, time

class ProviderUnavailable(Exception):
    pass

calls = 0

def handler(event, context):
    global calls
    calls += 1
    match event.get("do"):
        case "raise":
            raise ProviderUnavailable("try again")
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(event["seconds"])
        case "meet":  # wait until as many others are here
            open(f"{event['folder']}/{os.getpid()}", "w").close()
            while len(os.listdir(event["folder"])) < event["guests"]:
                time.sleep(0.01)
        case "print":
            print(event["text"])
    return {
        "event": event,
        "pid": os.getpid(),
        "calls": calls,
        "requestId": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "remainingMs": context.get_remaining_time_in_millis(),
        "environment": dict(os.environ),
    }
"""


STARTS = """
import os

def note(what):
    with open(os.environ["STARTS"], "a") as notes:
        notes.write(f"{what} {os.getpid()}\\n")

note("begins")
import asyncio, email, http.client, unittest.mock
note("ends")
from app import handler
"""


@pytest.fixture(scope="session")
def runtime() -> Path:
    return runtime_packages()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def pool(lines: list[str]) -> Iterator[Pool]:
    pool = Pool(log=lambda function, line: lines.append(line))
    yield pool
    pool.stop()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "app.py").write_text(HANDLER)
    (folder / "noted.py").write_text(STARTS)
    (folder / "broken.py").write_text("import not_installed_here\n")
    return folder


def function(code: Path, runtime: Path, handler: str = "app.handler", **options: Any) -> Function:
    return Function(name="echo", handler=handler, task_root=code, import_path=(runtime,), **options)


def invoke(pool: Pool, target: Function, **event: Any) -> Invocation:
    return pool.invoke(target, json.dumps(event).encode())


def result(pool: Pool, target: Function, **event: Any) -> dict[str, Any]:
    invocation = invoke(pool, target, **event)
    answer: dict[str, Any] = json.loads(invocation.payload)
    assert not invocation.failed, answer
    return answer


def error(pool: Pool, target: Function, **event: Any) -> dict[str, Any]:
    invocation = invoke(pool, target, **event)
    answer: dict[str, Any] = json.loads(invocation.payload)
    assert invocation.failed, answer
    return answer


def test_a_function_sees_what_lambda_gives_it(pool: Pool, code: Path, runtime: Path) -> None:
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:echo"
    target = function(code, runtime, arn=arn, memory_mb=512, timeout_s=20, environment={"TABLE_NAME": "t"})
    answer = json.loads(pool.invoke(target, b'{"name": "Eileen"}', request_id="r-1").payload)
    assert (answer["event"], answer["requestId"]) == ({"name": "Eileen"}, "r-1")
    assert (answer["arn"], answer["memory"]) == (arn, "512")
    assert 15_000 < answer["remainingMs"] <= 20_000
    environment = answer["environment"]
    assert environment["TABLE_NAME"] == "t"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "echo"
    assert environment["LAMBDA_TASK_ROOT"] == str(code)


def test_nothing_of_this_machines_environment_reaches_a_function(
    pool: Pool, code: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", "a key of the developer")
    assert "FAL_KEY" not in result(pool, function(code, runtime))["environment"]


def test_packages_of_the_development_environment_cannot_be_imported(
    pool: Pool, code: Path, runtime: Path
) -> None:
    (code / "app.py").write_text("import pytest")
    message = error(pool, function(code, runtime))["errorMessage"]
    assert message == "Unable to import module 'app': No module named 'pytest'"


def test_the_first_request_starts_a_sandbox_and_the_next_finds_it_warm(
    pool: Pool, code: Path, runtime: Path
) -> None:
    target = function(code, runtime)
    cold, warm = invoke(pool, target), invoke(pool, target)
    assert [json.loads(i.payload)["calls"] for i in (cold, warm)] == [1, 2]
    assert cold.report.init_ms is not None and cold.report.init_ms > 0
    assert cold.report.billed_ms >= cold.report.init_ms
    assert warm.report.init_ms is None
    assert pool.sandbox_count(target) == 1


LOGGING = """
import logging
from character_identity.observability import log_keys

logger = logging.getLogger("anything.of.ours")

def handler(event, context):
    with log_keys(correlation_id="r1", job_id="j1"):
        logger.debug("unheard")
        logger.info("begun", extra={"state": "training"})
        logging.getLogger("httpx").info("HTTP Request: GET https://b.test/?X-Amz-Signature=f00d")
        logger.warning("refused", extra={"code": "black_image", "error": "Odd"})
        try:
            1 / 0
        except ZeroDivisionError:
            logger.exception("unhandled exception", extra={"status": 500})
"""


def test_lambdas_own_formatter_writes_lines_from_info_on_with_all_that_they_say(
    pool: Pool, code: Path, runtime: Path, lines: list[str]
) -> None:
    (code / "app.py").write_text(LOGGING)
    environment = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
    target = Function(
        name="logs",
        handler="app.handler",
        task_root=code,
        import_path=(CORE, runtime),
        environment=environment,
    )
    invoke(pool, target)
    wait_until(lambda: any("unhandled exception" in line for line in lines), "the last line")
    written = [json.loads(line) for line in lines if line.startswith("{")]
    assert [(line["level"], line["message"]) for line in written] == [
        ("INFO", "begun"),
        ("WARNING", "refused"),
        ("ERROR", "unhandled exception"),
    ]
    assert all((line["correlation_id"], line["job_id"]) == ("r1", "j1") for line in written)
    begun, refused, bug = written
    assert begun["state"] == "training"
    assert (refused["code"], refused["error"]) == ("black_image", "Odd")
    assert (bug["status"], bug["errorType"]) == (500, "ZeroDivisionError")


COUNTING = """
import logging
from character_identity.observability import count

def handler(event, context):
    print('{"message": "of no level"}')
    print('{"message": "of no time", "level": "ERROR"}')
    logging.getLogger("anything.of.ours").info("unheard")
    count("ParkedResults")
    logging.getLogger("anything.of.ours").error("the last line")
"""


def test_what_is_counted_for_an_alarm_passes_whatever_the_level(
    pool: Pool, code: Path, runtime: Path, lines: list[str]
) -> None:
    (code / "app.py").write_text(COUNTING)
    target = Function(
        name="counts",
        handler="app.handler",
        task_root=code,
        import_path=(CORE, runtime),
        environment={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "ERROR"},
    )
    invoke(pool, target)
    wait_until(lambda: any("the last line" in line for line in lines), "the last line")
    counted, _ = (json.loads(line) for line in lines if line.startswith("{"))
    assert counted["ParkedResults"] == 1


def test_every_request_is_reported_as_in_lambdas_log(
    pool: Pool, code: Path, runtime: Path, lines: list[str]
) -> None:
    target = function(code, runtime, memory_mb=256)
    report = invoke(pool, target, do="print", text="hello").report
    assert report.peak_memory_mb is not None and 5 < report.peak_memory_mb < 200
    assert lines[0] == f"START RequestId: {report.request_id} Version: $LATEST"
    assert "hello" in lines
    assert report.line() in lines
    assert report.line().startswith(f"REPORT RequestId: {report.request_id}\tDuration: ")
    assert "\tMemory Size: 256 MB\t" in report.line() and "\tInit Duration: " in report.line()


def test_an_exception_is_reported_by_its_class_name_and_the_sandbox_stays(
    pool: Pool, code: Path, runtime: Path
) -> None:
    target = function(code, runtime)
    failure = error(pool, target, do="raise")
    assert (failure["errorType"], failure["errorMessage"]) == ("ProviderUnavailable", "try again")
    assert "in handler" in failure["stackTrace"][-1]
    assert result(pool, target)["calls"] == 2


def test_a_request_over_its_time_ends_the_sandbox(pool: Pool, code: Path, runtime: Path) -> None:
    target = function(code, runtime, timeout_s=0.5)
    failure = error(pool, target, do="sleep", seconds=30)
    assert failure["errorType"] == "Sandbox.Timedout"
    assert failure["errorMessage"].endswith("Error: Task timed out after 0.50 seconds")
    assert result(pool, target)["calls"] == 1


def test_a_crash_is_an_exit_error_and_the_next_request_gets_a_new_sandbox(
    pool: Pool, code: Path, runtime: Path
) -> None:
    target = function(code, runtime)
    failure = error(pool, target, do="exit")
    assert failure["errorType"] == "Runtime.ExitError"
    assert failure["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert result(pool, target)["calls"] == 1


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("broken.handler", "Runtime.ImportModuleError", "No module named 'not_installed_here'"),
        ("app.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
    ],
)
def test_a_function_that_cannot_be_loaded_says_so(
    pool: Pool, code: Path, runtime: Path, handler: str, error_type: str, message: str
) -> None:
    target = function(code, runtime, handler)
    failure = error(pool, target)
    assert failure["errorType"] == error_type
    assert message in failure["errorMessage"]


def test_an_init_phase_without_end_is_given_up(
    pool: Pool, code: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.lambda_sandbox.INIT_LIMIT_S", 0.2)
    (code / "app.py").write_text("import time\ntime.sleep(30)\n")
    failure = error(pool, function(code, runtime, timeout_s=0.2))
    assert failure["errorType"] == "Sandbox.Timedout"


def test_requests_at_the_same_time_get_sandboxes_of_their_own(
    pool: Pool, code: Path, runtime: Path, tmp_path: Path
) -> None:
    target, meeting = function(code, runtime, timeout_s=HANGS_AFTER_S, max_sandboxes=8), tmp_path / "meeting"
    meeting.mkdir()
    event = {"do": "meet", "folder": str(meeting), "guests": 8}
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: result(pool, target, **event), range(8)))
    assert len({answer["pid"] for answer in answers}) == 8


def test_one_sandbox_of_a_function_starts_at_a_time(
    pool: Pool, code: Path, runtime: Path, tmp_path: Path
) -> None:
    starts, meeting = tmp_path / "starts", tmp_path / "meeting"
    meeting.mkdir()
    target = function(
        code, runtime, "noted.handler", timeout_s=HANGS_AFTER_S, environment={"STARTS": str(starts)}
    )
    event = {"do": "meet", "folder": str(meeting), "guests": 4}
    with ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(lambda _: result(pool, target, **event), range(4)))
    notes = starts.read_text().splitlines()
    begun = [note.removeprefix("begins ") for note in notes[::2]]
    assert {int(process) for process in begun} == {answer["pid"] for answer in answers}
    assert notes[1::2] == [f"ends {process}" for process in begun]


def test_requests_beyond_the_machines_limit_wait_in_line(pool: Pool, code: Path, runtime: Path) -> None:
    target = function(code, runtime, max_sandboxes=1)
    with ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(lambda _: result(pool, target, do="sleep", seconds=0.05), range(4)))
    assert {answer["pid"] for answer in answers} == {answers[0]["pid"]}
    assert sorted(answer["calls"] for answer in answers) == [1, 2, 3, 4]


def test_no_process_is_left_after_stop(code: Path, runtime: Path) -> None:
    pool, target, other = Pool(), function(code, runtime), function(code, runtime, timeout_s=60)
    idle = result(pool, target)["pid"]
    with ThreadPoolExecutor(1) as callers:
        busy = callers.submit(invoke, pool, other, do="sleep", seconds=60)
        wait_until(lambda: pool.sandbox_count(other), "a sandbox")
        pool.stop()
        assert isinstance(busy.exception(), CancelledError)
    assert not Path(f"/proc/{idle}").exists()


def test_a_stopped_pool_refuses_and_stops_again(code: Path, runtime: Path) -> None:
    pool = Pool()
    pool.stop()
    pool.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        invoke(pool, function(code, runtime))


def test_sandboxes_end_when_their_parent_is_killed(code: Path, runtime: Path) -> None:
    program = f"""
from pathlib import Path
from local.lambda_pool import Pool
from local.lambda_sandbox import Function
function = Function("f", "app.handler", Path({str(code)!r}), (Path({str(runtime)!r}),))
print(Pool().invoke(function, b"{{}}").payload.decode(), flush=True)
input()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    with parent:
        assert parent.stdout is not None
        sandbox = json.loads(parent.stdout.readline())["pid"]
        assert Path(f"/proc/{sandbox}").exists()
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{sandbox}").exists(), "the end of the sandbox")
