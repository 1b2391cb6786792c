"""Packages that cannot be had are named in one sentence, and nothing half is left."""

from pathlib import Path

import pytest

from local.errors import CannotRun
from local.packages import installed
from tests.support.ports import closed_port

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"PIP_INDEX_URL": "http://127.0.0.1:PORT/simple"},
            r"^No package index answers for .*pins\.txt; connect",
        ),
        ({"PIP_NO_INDEX": "1"}, r"^pip could not install .*pins\.txt: ERROR: .*none-that-is-published"),
    ],
    ids=["no network", "no package"],
)
def test_what_pip_cannot_do_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], sentence: str
) -> None:
    for name, value in {"PIP_CONFIG_FILE": "/dev/null", **environment}.items():
        monkeypatch.setenv(name, value.replace("PORT", str(closed_port())))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    requirements = tmp_path / "pins.txt"
    requirements.write_text("none-that-is-published==1.0")
    with pytest.raises(CannotRun, match=sentence) as caught:
        installed(requirements, tmp_path / "state", "some")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "state").iterdir()) == []
