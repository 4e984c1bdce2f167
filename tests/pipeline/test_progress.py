"""Bars are for people at a terminal; scripts and logs see nothing."""

import pytest

from epipose.pipeline.progress import progress_bars


def test_bars_with_the_time_left_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with progress_bars() as report:
        report("cam1", 1, 10)
        report("cam1", 5, 10)
        report("cam2", 1, 4)
    out, err = capsys.readouterr()
    assert out == ""
    assert "cam1" in err
    assert "cam2" in err
    assert "50%" in err


@pytest.mark.parametrize("silent", [True, False])
def test_silence_when_asked_or_when_nobody_looks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], silent: bool
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1") if silent else monkeypatch.delenv("FORCE_COLOR", raising=False)
    with progress_bars(silent=silent) as report:
        report("cam1", 1, 10)
    assert capsys.readouterr() == ("", "")
