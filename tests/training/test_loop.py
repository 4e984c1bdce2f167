from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from epipose import InputError
from epipose.training import loop
from epipose.training.loop import Batch, Plan, Point, fit
from tests.training.lessons import Line

PLAN = Plan(60, 0.02, scored=6, averaging=0.9)


def ignore(step: int, steps: int, points: tuple[Point, ...]) -> None:
    pass


def run(checkpoint: Path, plan: Plan = PLAN, **given: Any) -> tuple[Line, tuple[Point, ...]]:
    lesson = Line()
    return lesson, fit(lesson, plan, checkpoint, watch=ignore, workers=0, **given)


def curve(points: tuple[Point, ...]) -> list[tuple[int, float, dict[str, float]]]:
    return [(point.step, point.loss, point.errors) for point in points]


def test_it_learns_and_says_how_well(tmp_path: Path) -> None:
    lesson, points = run(tmp_path / "c.pt", replace(PLAN, steps=400))
    assert [point.step for point in points][-1] == 400
    assert len(points) == 6
    assert points[-1].errors["error"] < 0.3 * Line().score(Line().net.eval())["error"]
    assert lesson.score(lesson.net) == points[-1].errors
    assert not lesson.net.training


@pytest.mark.parametrize("stopped_after", [1, 17, 30])
def test_a_run_that_was_stopped_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, stopped_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, unbroken = run(tmp_path / "whole.pt")

    def stop(step: int, *_: object) -> None:
        if step == stopped_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        fit(Line(), PLAN, tmp_path / "c.pt", watch=stop, workers=0)
    assert torch.load(tmp_path / "c.pt", weights_only=True)["step"] == stopped_after
    again, resumed = run(tmp_path / "c.pt")
    assert curve(resumed) == curve(unbroken)
    for one, other in zip(whole.net.parameters(), again.net.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_workers_change_nothing(tmp_path: Path) -> None:
    _, alone = run(tmp_path / "a.pt")
    points = fit(Line(), PLAN, tmp_path / "b.pt", watch=ignore, workers=2)
    assert curve(points) == curve(alone)


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    first, points = run(tmp_path / "c.pt")
    again, same = run(tmp_path / "c.pt")
    assert points == same
    assert first.score(first.net) == again.score(again.net)


def test_checkpoints_of_other_runs_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "c.pt")
    with pytest.raises(InputError, match=r"c\.pt is of a run with other settings"):
        run(tmp_path / "c.pt", replace(PLAN, seed=1))
    with pytest.raises(InputError, match=r"c\.pt is damaged or of a run with another network"):
        fit(Line(width=9), PLAN, tmp_path / "c.pt", watch=ignore, workers=0)
    content = (tmp_path / "c.pt").read_bytes()
    (tmp_path / "c.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"c\.pt is damaged"):
        run(tmp_path / "c.pt")


def test_processes_share_the_batches() -> None:
    parts = [list(loop.Turns(first=5, steps=9, rank=rank, processes=3)) for rank in range(3)]
    assert sorted(number for part in parts for number in part) == list(range(15, 27))


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [PLAN.rate(step) for step in range(PLAN.steps)]
    peak = max(range(len(rates)), key=rates.__getitem__)
    assert rates[0] < 0.1 * rates[peak]
    assert rates[peak] == pytest.approx(PLAN.learning_rate, rel=0.01)
    assert all(a > b for a, b in zip(rates[peak:], rates[peak + 1 :], strict=False))


class Method(Line):
    """Is taught by a method of its network that is not `forward`."""

    called = ("hidden",)

    def __init__(self) -> None:
        super().__init__()
        self.net = Hidden()

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        found: Tensor = net.hidden(batch[0])  # type: ignore[operator]
        assert found.dtype == torch.float32
        return (found - batch[1]).square().mean()


class Hidden(nn.Module):
    """Notes how precisely it calculates while it learns."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def hidden(self, numbers: Tensor) -> Tensor:
        found: Tensor = self.layer(numbers)
        if self.training:
            print(found.dtype)
        return found

    def forward(self, numbers: Tensor) -> Tensor:
        return self.hidden(numbers)


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_methods_are_as_precise_as_forward(tmp_path: Path, precision: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    fit(Method(), replace(PLAN, steps=2), tmp_path / "c.pt", watch=ignore, workers=0, fabric=fabric)
    assert capsys.readouterr().out.split() == 2 * ["torch.bfloat16" if precision == "bf16-mixed" else "torch.float32"]
