"""Files and folders that are put in place are whole, whoever else does the same."""

from pathlib import Path

import pytest

from scripts.atomic import new_folder, write_file


def test_a_folder_appears_when_it_is_filled(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "layer"
    with new_folder(folder) as unfinished:
        (unfinished / "a").write_text("1")
        assert not folder.exists()
    assert (folder / "a").read_text() == "1"
    assert names(folder.parent) == ["layer"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "layer") as unfinished:
        (unfinished / "a").write_text("1")
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_a_folder_that_somebody_else_has_made_meanwhile_stays(tmp_path: Path) -> None:
    with new_folder(tmp_path / "layer") as unfinished:
        (unfinished / "a").write_text("ours")
        with new_folder(tmp_path / "layer") as theirs:
            (theirs / "a").write_text("theirs")
    assert (tmp_path / "layer" / "a").read_text() == "theirs"
    assert names(tmp_path) == ["layer"]


def test_a_folder_that_cannot_be_put_in_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "layer").write_text("a file")
    with pytest.raises(OSError, match="layer"), new_folder(tmp_path / "layer"):
        pass


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "deep" / "file"
    for content in (b"the one before", b"new"):
        write_file(file, content, mode)
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == mode
    assert names(file.parent) == ["file"]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
