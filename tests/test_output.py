"""Output files appear whole or not at all."""

import os
from pathlib import Path

import pytest

from driftline.errors import InputError
from driftline.output import check_output, replacing


def test_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("x")
        assert not path.exists()
    assert path.read_text() == "x"
    assert list(path.parent.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_when_the_block_fails(tmp_path, error):
    with pytest.raises(error), replacing(tmp_path / "a" / "b" / "file.txt") as temporary:
        temporary.write_text("x")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_old_file_survives_a_failure(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="stop"), replacing(path, force=True):
        raise ValueError("stop")
    assert path.read_text() == "old"


def test_refused_by_the_system(tmp_path):
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"file\.txt: cannot be written \(No space left"):
        with replacing(tmp_path / "file.txt") as temporary:
            full(temporary)
    assert list(tmp_path.iterdir()) == []


def test_checks(tmp_path):
    path = tmp_path / "file.txt"
    check_output(path)
    check_output(tmp_path / "new" / "file.txt")
    assert list(tmp_path.iterdir()) == []
    path.touch()
    with pytest.raises(InputError, match=r"file\.txt: exists already.*--force"):
        check_output(path)
    check_output(path, force=True)
    with pytest.raises(InputError, match="is a directory"):
        check_output(tmp_path, force=True)
    with pytest.raises(InputError, match="is not a directory"):
        check_output(path / "below.txt")


def test_no_permission(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)  # root may do anything
    with pytest.raises(InputError, match=r"file\.txt: cannot be written, no permission"):
        check_output(tmp_path / "file.txt")
