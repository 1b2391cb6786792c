"""What the system refuses is one sentence that says what to do, and exit code 2; a bug stays a bug."""

import errno
import os

import pytest

from local.errors import CannotRun, answering


def failing(error: BaseException) -> int:
    def fail() -> int:
        raise error

    return answering(fail)


@pytest.mark.parametrize(
    ("number", "file", "sentence"),
    [
        (errno.EACCES, "/there", "/there may not be written or read; change its permissions, or work in a"),
        (errno.EROFS, "/there", "/there may not be written or read; change its permissions, or work in a"),
        (errno.ENOSPC, "/there", "There is no space left for /there; free some and run it again."),
        (errno.ENOSPC, None, "There is no space left for a file; free some and run it again."),
        (errno.EDQUOT, "/there", "There is no space left for /there; free some and run it again."),
        (errno.EEXIST, "/there", "/there is in the way; move it, or name another folder."),
        (errno.ENOTDIR, "/there", "/there is in the way; move it, or name another folder."),
        (errno.EMFILE, "/there", "Too many files are open; allow more, as with `ulimit -n 4096`,"),
        (errno.EADDRNOTAVAIL, None, "This machine cannot be reached at 127.0.0.1; bring the loopback"),
    ],
)
def test_a_refusal_is_one_sentence(
    number: int, file: str | None, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(OSError(number, os.strerror(number), file)) == 2
    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert said.count("\n") == 1


def test_what_cannot_run_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(CannotRun("No.")) == 2
    assert capsys.readouterr().err == "No.\n"


def test_who_stops_it_sees_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(FileNotFoundError):
        failing(FileNotFoundError(errno.ENOENT, "No such file", "x"))
