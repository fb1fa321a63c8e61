"""What is shown of a training where stderr is no terminal."""

from pathlib import Path

import pytest

from driftline.training.progress import ConsoleProgress, Progress


def test_lines_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = ConsoleProgress("image", tmp_path / "log", unit="images")
    with report.counting("correction", 300) as told:
        told(256)
        told(44)
    report.start(total=4, done=0)
    report.step(2, 16, 0.25)
    report.step(4, 32, 0.125)
    report.finish()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "image correction of 300 images"
    assert [line.split("  ")[:2] for line in lines[1:]] == [
        ["image 2/4", "loss 0.2500"],
        ["image 4/4", "loss 0.1250"],
    ]
    assert list((tmp_path / "log").iterdir())


def test_nothing_may_be_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress().counting("correction", 3) as told:
        told(3)
    assert capsys.readouterr() == ("", "")
