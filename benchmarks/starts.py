"""What a cold start costs: functions behind the API, as they ship today and as they did before, in turns.

In turns, so that all see the same machine, and the quickest start of each, for other work only ever adds to
one. The figures are no forecast for AWS, where code is loaded from elsewhere, on a share of a core that goes
with the memory size.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple, get_args

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.releases import BASELINE, Release, baseline, today, without_bytecode
from character_identity.api.route import Route
from character_identity.domain.errors import RequestKind
from infra import catalog
from infra.parameters import PARAMETERS
from local.errors import CannotRun
from local.lambda_pool import Pool

STARTS = 3
MOST = 0.5
"""Of the baseline's init time, for each function that serves a route."""
AUTHORIZER = "authorize_request"
"""Nearly all of its start is the library that verifies tokens, before and now."""
READ = "get_identity"
"""What a function that the baseline did not have is measured beside: the baseline's simplest read."""
RENAMED = {
    "receive_fal_callback": "receive_fal_webhook",
    "receive_astria_callback": "receive_astria_webhook",
    "manage_webhook": "create_webhook",
}
"""Functions by what the baseline calls them."""
SETTINGS = {
    **{each.variable: each.default for each in PARAMETERS if each.variable and each.default},
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TABLE_NAME": "state",
    "BUCKET_NAME": "media",
    "FAL_RUN_URL": "https://fal.test/run",  # only the baseline asks there
    "FAL_SECRET_NAME": "fal",
    "ASTRIA_SECRET_NAME": "astria",
    "TRAIN_IDENTITY_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:train",
    "GENERATE_IMAGES_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:generate",
    "RUN_EVALUATION_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:evaluate",
    "JWT_ISSUER": "https://issuer.test",
    "JWT_AUDIENCE": "ours",
    "JWKS_URL": "https://issuer.test/jwks",
}
"""What functions find in their environment: the parameters' defaults, and what the stack names."""
COUNTED = {kind: {"N": "1"} for kind in get_args(RequestKind)}
NOTHING_THERE = json.dumps({"Items": [], "Count": 0, "SecretString": "a key", "Attributes": COUNTED}).encode()
"""What every service of AWS answers here: no row, an empty page, a key, the first request of its kind."""


class Start(NamedTuple):
    """One cold start: the init phase, and the answer to the first request, in milliseconds."""

    init_ms: float
    answer_ms: float
    peak_mb: int


@dataclass(frozen=True)
class Starts:
    """The starts of one function, in turns."""

    function: str
    compared_with: str  # the baseline's function
    before: Sequence[Start]
    sources: Sequence[Start]  # as it ships, but without bytecode
    now: Sequence[Start]

    @property
    def ratio(self) -> float:
        """The init time now, as a part of what it was before."""
        return _init_ms(self.now) / _init_ms(self.before)


def main(names: Sequence[str] = ()) -> int:
    """Measure functions by name, or all behind the API, and name what takes too long; 1 if one fails.

    What takes too long fails nothing: on a machine with other work, a clock is no judge.
    """
    requests = events()
    if unknown := set(names) - set(requests):
        print(f"No such function behind the API: {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 1
    results = []
    try:
        with TemporaryDirectory() as folder, _aws() as url:
            before, now = baseline(), today()
            sources = without_bytecode(now, Path(folder))
            for name in names or requests:
                with _pool() as pool:  # its sandboxes stay warm, and take memory, until it is stopped
                    results.append(_starts(pool, name, requests, url, before, sources, now))
    except (CannotRun, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    Console().print(table(results))
    for sentence in problems(results):
        print(sentence)
    return 0


def events() -> dict[str, bytes]:
    """A request for each function behind the API, of something that is not there.

    Not for those of an image, which brings packages of its own: ``benchmarks scoring`` starts that.
    """
    routes = {entry.name: entry.routes[0] for entry in catalog.FUNCTIONS if entry.routes and not entry.image}
    routes[AUTHORIZER] = routes[READ]
    return {name: json.dumps(_event(route)).encode() for name, route in routes.items()}


def problems(results: Sequence[Starts]) -> Iterator[str]:
    """Sentences on what takes longer than it may."""
    for each in results:
        if each.ratio > MOST and each.function != AUTHORIZER:
            yield (
                f"{each.function}: its init takes {each.ratio:.0%} of what {each.compared_with} took, "
                f"more than {MOST:.0%}."
            )


def table(results: Sequence[Starts]) -> Table:
    """The shortest init phases and times to the first answer, their ratios, and the memory."""
    title = f"Cold starts in ms, quickest of {STARTS} in turns; before: commit {BASELINE}, *: its {READ}"
    result = Table(title=title, box=SIMPLE_HEAD, padding=0)
    result.add_column("function", no_wrap=True)
    phases = {"init": ("before", "source", "now", "ratio"), "answer": ("before", "now", "ratio")}
    for phase, columns in phases.items():
        for column in columns:
            result.add_column(f"{phase}\n{column}", justify="right")
    result.add_column("peak\nMB", justify="right")
    for each in sorted(results, key=lambda each: -_init_ms(each.now)):
        answers = [_answer_ms(starts) for starts in (each.before, each.now)]
        result.add_row(
            each.function + ("*" if each.compared_with == READ != each.function else ""),
            *(f"{_init_ms(starts):.0f}" for starts in (each.before, each.sources, each.now)),
            f"{each.ratio:.2f}",
            *(f"{answer_ms:.0f}" for answer_ms in answers),
            f"{answers[1] / answers[0]:.2f}",
            f"{max(start.peak_mb for start in each.now)}",
        )
    return result


def _init_ms(starts: Sequence[Start]) -> float:
    return min(start.init_ms for start in starts)


def _answer_ms(starts: Sequence[Start]) -> float:
    """From the start of the sandbox."""
    return min(start.init_ms + start.answer_ms for start in starts)


def _starts(
    pool: Pool, name: str, requests: Mapping[str, bytes], aws_url: str, before: Release, *ours: Release
) -> Starts:
    def start(release: Release, function: str, number: int) -> Start:
        # A setting that is new makes it another function, and its sandbox a cold one.
        settings = {**SETTINGS, "AWS_ENDPOINT_URL": aws_url, "START": str(number)}
        event = requests.get(function, requests[name])  # a renamed one has our function's route
        invocation = pool.invoke(release.function(function, settings), event)
        if invocation.failed or json.loads(invocation.payload).get("statusCode", 200) >= 500:
            raise CannotRun(f"{function} in {release.functions} fails: {invocation.payload.decode()}")
        report = invocation.report
        assert report.init_ms is not None, "a new function starts cold"
        return Start(report.init_ms, report.duration_ms, report.peak_memory_mb or 0)

    known = RENAMED.get(name, name)
    known = known if before.has(known) else READ
    # The first for nothing: files that nobody read yet are slower.
    turns = [
        [start(before, known, number), *(start(release, name, number) for release in ours)]
        for number in range(STARTS + 1)
    ][1:]
    return Starts(name, known, *zip(*turns, strict=True))


def _event(route: Route[Any]) -> dict[str, object]:
    """A request in API Gateway's payload format 2.0."""
    method, path = route.key.split()
    names = re.findall(r"{(\w+)}", path)
    path = re.sub(r"{\w+}", "nothing", path)
    return {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": "",
        "queryStringParameters": {query.name: "nothing" for query in route.query if query.required},
        "pathParameters": dict.fromkeys(names, "nothing"),
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "accountId": "000000000000",
            "authorizer": {"lambda": {"owner": "ann"}},
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": "r",
            "stage": "$default",
            "timeEpoch": 0,
        },
        "body": "{}",
        "isBase64Encoded": False,
    }


@contextmanager
def _pool() -> Iterator[Pool]:
    pool = Pool()
    try:
        yield pool
    finally:
        pool.stop()


@contextmanager
def _aws() -> Iterator[str]:
    """The address of an AWS in which there is nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(NOTHING_THERE)))
            self.end_headers()
            self.wfile.write(NOTHING_THERE)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
