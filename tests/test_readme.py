"""What the README tells people to type works, in the order in which it tells them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.sample import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^<!-- tested -->\n```(sh|python)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)

MOST_BYTES = 2_500_000


def test_commands_and_program_of_the_readme_run(tmp_path: Path) -> None:
    assert [language for language, _ in BLOCKS] == ["sh", "sh", "python", "sh"]
    # The commands of the environment that runs the tests come first, under the names that people type.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for language, text in BLOCKS:
        command = [sys.executable, "-c", text] if language == "python" else ["bash", "-euo", "pipefail", "-c", text]
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        assert run.stdout
    made = tmp_path / "epipose-demo"
    files = ("report.html", "report.json", "cameras.toml", "poses/smooth.npz", "exports/smooth.bvh")
    for name in (*files, "predicted/cam1/poses.npz", "predicted/cam1/overlay.mp4"):
        assert (made / name).is_file()
    script = REPOSITORY / "examples" / "readme_animation.py"
    command = [sys.executable, str(script), "epipose-demo", "epipose.webp"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "epipose.webp").stat().st_size <= MOST_BYTES


def test_the_animation_of_the_readme_goes_round_and_is_small() -> None:
    file = REPOSITORY / "docs" / "epipose.webp"
    assert file.stat().st_size <= MOST_BYTES
    read, animation = cv2.imreadanimation(str(file))
    assert read
    assert animation.loop_count == 0
    assert 5000 <= sum(animation.durations) <= 8000
    # The last picture leads on to the first: they differ less than pictures that are some way apart.
    step = [
        np.abs(animation.frames[one].astype(int) - animation.frames[other]).mean() for one, other in ((-1, 0), (0, 20))
    ]
    assert step[0] < 0.5 * step[1]


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/datasets.md",
        "docs/report.md",
        "docs/evaluate.md",
        "docs/learn.md",
        "docs/predict.md",
        "docs/studio.md",
    ],
)
def test_links_lead_somewhere(page: str) -> None:
    file = REPOSITORY / page
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", file.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (file.parent / target).exists(), target


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"`make (\w+)`", (REPOSITORY / page).read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
