"""The programs of docs/clients.md: as many lines as its table says, and fal's reach a picture."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks.first_hour import program
from local.photographs import EILEEN, make_references
from tests.official_clients.simulator import KEY, LiveSimulator
from tests.support.waiting import HANGS_AFTER_S

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
ELSEWHERE = """
import sys
import fal_client.client as client
names = ("RUN_URL_FORMAT", "QUEUE_URL_FORMAT", "REST_URL", "CDN_URL")
for name, address in zip(names, sys.argv[1:], strict=True):
    setattr(client, name, address)
exec(sys.stdin.read())
"""


def test_the_table_counts_the_lines_of_the_programs() -> None:
    ours = [program(language, ROOT / "README.md") for language in ("python", "ts")]
    told = [
        int(number) for number in re.findall(r"\| (\d+) \|$", PAGE.partition("## ")[0], flags=re.MULTILINE)
    ]
    assert told == [len([line for line in each.splitlines() if line]) for each in [*ours, *PROGRAMS]]


@pytest.mark.processes
@pytest.mark.parametrize("theirs", PROGRAMS[:2], ids=["without training", "trained"])
def test_fals_client_reaches_a_picture(theirs: str, simulator: LiveSimulator, tmp_path: Path) -> None:
    for picture in make_references(EILEEN, tmp_path / "made")[:5]:
        (tmp_path / "jane").mkdir(exist_ok=True)
        shutil.copy(picture, tmp_path / "jane")
    hosts = simulator.addresses
    addresses = (
        f"{hosts['fal.run']}/",
        f"{hosts['queue.fal.run']}/",
        hosts["rest.fal.ai"],
        hosts["v3.fal.media"],
    )
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *addresses],
        cwd=tmp_path,
        env={"FAL_KEY": KEY},
        input=theirs,
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
    )
    found = re.search(r"http://[^\s'\"]+", done.stdout)
    assert found, done.stderr
    assert httpx.get(found.group()).headers["Content-Type"].startswith("image/")
