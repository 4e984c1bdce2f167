"""What the README tells people to type works, in the order in which it tells them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sample import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^<!-- tested -->\n```(sh|python)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


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
