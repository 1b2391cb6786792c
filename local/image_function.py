"""Runs a container-image function without Docker: carries out what the last stage of its Dockerfile says."""

from __future__ import annotations

import compileall
import json
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

from local.errors import CannotRun
from local.packages import PYTHON_VERSION, STATE, installed
from scripts.atomic import write_file

TASK_ROOT = "/var/task"  # of AWS's base images
RECORD = "function.json"
PIP_OPTIONS = ("--no-cache-dir", "--require-hashes", "--only-binary=:all:")  # pip checks hashes that it finds


class UnsupportedDockerfile(CannotRun):
    """The Dockerfile holds something that is not carried out without Docker."""


@dataclass(frozen=True)
class ImageFunction:
    """The parts of an image that run here: its code, its packages and how it is started."""

    task_root: Path
    import_path: tuple[Path, ...]
    handler: str
    environment: Mapping[str, str]


def prepare(
    context: Path, dockerfile: str, tag: str, stages: Mapping[str, Path], state: Path = STATE
) -> ImageFunction:
    """Make the function of an image from its Docker build context, unless it is there already.

    ``stages`` says which folder stands for what ``COPY --from`` takes from another stage.

    Raises:
        UnsupportedDockerfile: an instruction is none of those that are carried out here.
    """
    folder = state / "images" / tag
    made_from = {"python": PYTHON_VERSION, **{stage: str(path) for stage, path in stages.items()}}
    if (folder / RECORD).exists() and json.loads((folder / RECORD).read_text())["madeFrom"] == made_from:
        return load(state, tag)
    folder.mkdir(parents=True, exist_ok=True)
    task_root = Path(tempfile.mkdtemp(prefix="task-", dir=folder))
    task_root.chmod(0o755)  # as in an image, which is run by another user than it was made by
    build = _Build(context, task_root, stages, state)
    for instruction in _last_stage((context / dockerfile).read_text()):
        build.carry_out(instruction)
    record = {
        "madeFrom": made_from,
        "taskRoot": str(build.task_root),
        "importPath": [str(path) for path in build.import_path],
        "handler": build.handler,
        "environment": build.environment,
    }
    write_file(folder / RECORD, json.dumps(record, indent=2).encode())
    return load(state, tag)


def load(state: Path, tag: str) -> ImageFunction:
    """The function that ``prepare`` made for an image's tag."""
    record = json.loads((state / "images" / tag / RECORD).read_text())
    return ImageFunction(
        task_root=Path(record["taskRoot"]),
        import_path=tuple(Path(path) for path in record["importPath"]),
        handler=record["handler"],
        environment=record["environment"],
    )


class _Build:
    def __init__(self, context: Path, task_root: Path, stages: Mapping[str, Path], state: Path) -> None:
        self.task_root = task_root
        self.import_path: list[Path] = []
        self.handler = ""
        self.environment: dict[str, str] = {}
        self._context = context
        self._stages = stages
        self._state = state

    def carry_out(self, instruction: str) -> None:
        keyword, _, rest = instruction.partition(" ")
        rest = rest.strip()
        match keyword.upper():
            case "COPY":
                self._copy(instruction, self._placed(rest.split()))
            case "RUN":
                self._run(instruction, self._placed(shlex.split(rest)))
            case "ENV" if "=" in rest:
                words = self._placed(shlex.split(rest))
                self.environment.update(re.findall(r"(\w+)=(.*)", word)[0] for word in words)
            case "CMD" if rest.startswith("["):
                (self.handler,) = json.loads(rest)
            case _:
                raise _unsupported(instruction)

    def _placed(self, words: list[str]) -> list[str]:
        """Words with the task root in them; it is put in once they are words, for it may have blanks."""
        root = str(self.task_root)
        return [re.sub(r"\$\{?LAMBDA_TASK_ROOT\}?", lambda _: root, word) for word in words]

    def _copy(self, instruction: str, words: list[str]) -> None:
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else ""
        if words[0].startswith("--") or (stage and stage not in self._stages):
            raise _unsupported(instruction)
        *sources, destination = words
        for name in sources:
            if stage:
                # The folder stands for the directory that the stage made; large files are not worth a copy.
                source = self._stages[stage] if name.endswith("/") else self._stages[stage] / Path(name).name
                _copy(source, self._path(destination), destination.endswith("/"), link=True)
            else:
                _copy(self._context / name, self._path(destination), destination.endswith("/"), link=False)

    def _run(self, instruction: str, words: list[str]) -> None:
        if words[:2] in (["python", "-m"], ["python3", "-m"]):
            words = words[2:]
        match [word for word in words if word not in PIP_OPTIONS]:
            case ["pip", "install", "-r" | "--requirement", requirements]:
                self.import_path.append(installed(self._path(requirements), self._state, "image"))
            case ["compileall", "-q", "--invalidation-mode", "unchecked-hash", folder]:
                mode = PycInvalidationMode.UNCHECKED_HASH
                if not compileall.compile_dir(self._path(folder), quiet=1, invalidation_mode=mode):
                    raise CannotRun(f"'{instruction}' failed")
            case _:
                raise _unsupported(instruction)

    def _path(self, name: str) -> Path:
        """A path in the image, all of which but the task root is left out here."""
        path = self.task_root / name
        if path.is_relative_to(TASK_ROOT):
            path = self.task_root / path.relative_to(TASK_ROOT)
        if not path.is_relative_to(self.task_root):
            raise UnsupportedDockerfile(
                f"Without Docker only {TASK_ROOT} of an image is there; {name} is not."
            )
        return path


def _copy(source: Path, destination: Path, into_folder: bool, link: bool) -> None:
    copy: Callable[..., object] = _link if link else shutil.copy2
    if not source.is_dir():
        destination = destination / source.name if into_folder else destination
        destination.parent.mkdir(parents=True, exist_ok=True)
        copy(source, destination)
    else:
        shutil.copytree(source, destination, dirs_exist_ok=True, copy_function=copy)


def _link(source: str | Path, destination: str | Path) -> None:
    """Stand in for a copy; shutil hands over text."""
    Path(destination).symlink_to(Path(source).resolve())


def _last_stage(dockerfile: str) -> Iterator[str]:
    """The instructions after the last FROM, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.MULTILINE).replace("\\\n", " ")
    instructions = [line.strip() for line in text.splitlines() if line.strip()]
    stages = [number for number, line in enumerate(instructions) if line.upper().startswith("FROM ")]
    yield from instructions[stages[-1] + 1 :]


def _unsupported(instruction: str) -> UnsupportedDockerfile:
    known = 'COPY, ENV name=value, RUN pip install -r FILE, RUN compileall FOLDER and CMD ["handler"]'
    return UnsupportedDockerfile(f"Without Docker '{instruction}' cannot be carried out; {known} can.")
