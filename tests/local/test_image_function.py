"""The last stage of a Dockerfile becomes a folder that the pool can run."""

from pathlib import Path

import pytest

from local.errors import CannotRun
from local.image_function import ImageFunction, UnsupportedDockerfile, load, prepare

UNCHECKED_HASH = 1  # the flags of PEP 552, after the magic number

STATE = "a state in ä"
"""Its name has what a user's folder may have."""

FIRST_STAGE = """
FROM python:3.13-slim AS weights
RUN python -m scripts.weights && mv .build /weights
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name, text in {
        "functions/score/handler.py": "",
        "functions/score/requirements.txt": "",  # installs nothing, in no time
        "layers/core/python/package/module.py": "",
        "weights-folder/model.onnx": "weights",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def prepared(context: Path, last_stage: str) -> ImageFunction:
    (context / "Dockerfile").write_text(f"{FIRST_STAGE}\nFROM lambda/python:3.13\n{last_stage}\n")
    weights, state = context / "weights-folder", context / STATE
    return prepare(context, "Dockerfile", "tag", {"weights": weights}, state=state)


def files(image: ImageFunction) -> set[str]:
    return {str(path.relative_to(image.task_root)) for path in image.task_root.rglob("*") if path.is_file()}


def test_folders_and_files_are_copied_where_the_image_has_them(context: Path) -> None:
    image = prepared(
        context,
        """
        # the package
        COPY layers/core/python/ ${LAMBDA_TASK_ROOT}/
        COPY functions/score/handler.py \\
             functions/score/requirements.txt $LAMBDA_TASK_ROOT/functions/score/
        COPY functions/score/handler.py /var/task/copy.py
        COPY functions/score/handler.py relative.py
        """,
    )
    assert files(image) == {
        "package/module.py",
        "functions/score/handler.py",
        "functions/score/requirements.txt",
        "copy.py",
        "relative.py",
    }


@pytest.mark.parametrize("source", ["/weights/", "/weights/model.onnx"])
def test_what_another_stage_made_comes_from_the_folder_given_for_it(context: Path, source: str) -> None:
    image = prepared(context, f"COPY --from=weights {source} ${{LAMBDA_TASK_ROOT}}/weights/")
    assert (image.task_root / "weights" / "model.onnx").read_text() == "weights"


def test_command_and_environment_are_kept(context: Path) -> None:
    image = prepared(
        context, 'ENV MODEL=${LAMBDA_TASK_ROOT}/m THREADS=2\nCMD ["functions.score.handler.run"]'
    )
    assert image.handler == "functions.score.handler.run"
    assert image.environment == {"MODEL": f"{image.task_root}/m", "THREADS": "2"}


@pytest.mark.processes
@pytest.mark.parametrize(
    "pip", ["pip install", "python3 -m pip install --no-cache-dir --require-hashes --only-binary=:all:"]
)
def test_requirements_are_installed_beside_the_code(context: Path, pip: str) -> None:
    copy = "COPY functions/score/requirements.txt ${LAMBDA_TASK_ROOT}/"
    image = prepared(context, f"{copy}\nRUN {pip} -r ${{LAMBDA_TASK_ROOT}}/requirements.txt")
    (packages,) = image.import_path
    assert packages.is_dir() and not packages.is_relative_to(image.task_root)


@pytest.mark.parametrize("python", ["python", "python3"])
def test_bytecode_is_written_that_python_takes_unchecked(context: Path, python: str) -> None:
    compile = f"RUN {python} -m compileall -q --invalidation-mode unchecked-hash ${{LAMBDA_TASK_ROOT}}"
    image = prepared(context, f"COPY layers/core/python/ ${{LAMBDA_TASK_ROOT}}/\n{compile}")
    (bytecode,) = image.task_root.glob("package/__pycache__/module.*.pyc")
    assert bytecode.read_bytes()[4] == UNCHECKED_HASH


def test_a_source_that_does_not_compile_stops_the_build(context: Path) -> None:
    (context / "functions" / "score" / "handler.py").write_text("def")
    with pytest.raises(CannotRun, match=r"compileall .* failed"):
        prepared(
            context,
            "COPY functions/score/ ${LAMBDA_TASK_ROOT}/\n"
            "RUN python3 -m compileall -q --invalidation-mode unchecked-hash ${LAMBDA_TASK_ROOT}",
        )


def test_nothing_is_made_twice(context: Path) -> None:
    first = prepared(context, 'CMD ["app.handler"]')
    assert prepared(context, 'CMD ["app.handler"]') == first == load(context / STATE, "tag")


@pytest.mark.parametrize(
    "instruction",
    [
        "RUN yum install -y libgomp",
        "RUN pip install numpy",
        "RUN python3 -m compileall .",
        "RUN pip install -r requirements.txt && rm -r tests",
        "WORKDIR /opt",
        "CMD app.handler",
        "COPY --from=unknown /x ${LAMBDA_TASK_ROOT}/",
        "COPY --chown=app functions/score/handler.py ${LAMBDA_TASK_ROOT}/",
    ],
)
def test_what_cannot_be_carried_out_is_refused_by_name(context: Path, instruction: str) -> None:
    with pytest.raises(UnsupportedDockerfile) as refused:
        prepared(context, instruction)
    assert instruction.replace("${LAMBDA_TASK_ROOT}", "") in str(refused.value).replace(
        "${LAMBDA_TASK_ROOT}", ""
    )


def test_a_place_outside_the_task_root_is_refused(context: Path) -> None:
    with pytest.raises(UnsupportedDockerfile, match=r"/opt/model is not"):
        prepared(context, "COPY functions/score/handler.py /opt/model")
