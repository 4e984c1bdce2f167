"""What the numbers of a network that was taught mean in plain words: a verdict, one line, and what to do."""

import numpy as np

from epipose.report.learning.contents import LearningReport
from epipose.report.summary import Level, Verdict
from epipose.report.wording import in_unit, percent, plural

GOOD_MM, FAIR_MM = 60.0, 100.0
"""Mean error around the root. Networks that know no scene miss by 90 to 120 mm on real footage."""
STILL_FALLING = 0.03
"""Share by which the error must have fallen in the last quarter of the steps for more of them to be worth while."""
RISEN = 1.05
"""Final over lowest error, above which the network has begun to learn its examples by heart."""
FEW_EXAMPLES = 1000
FEW_LABELS = 0.7
"""Share of the triangulated joints below which the recording, not the network, is what to improve."""
TURNED = 0.6
"""Of the error, what is left once poses are turned and scaled, where most of it is the body's direction or size."""
HARD = 1.8
"""Times the mean error, above which a joint is named."""


def verdict(report: LearningReport) -> Verdict:
    """Judge a network by its mean error on what it never saw."""
    error = report.errors.get("mpjpe_mm", np.nan)
    if not np.isfinite(error):
        return Verdict("poor", "Nobody knows how good it is: there was no held-out example to test it on.")
    level: Level = "good" if error <= GOOD_MM else "fair" if error <= FAIR_MM else "poor"
    meaning = {
        "good": "Ready for recordings like those that it learned from.",
        "fair": "Usable with care: look at the worst frames below first.",
        "poor": "Do not rely on it yet.",
    }
    return Verdict(
        level,
        f"On {plural(report.held_out_examples, 'example')} that it never learned from ({report.hold_out}), its joints"
        f" are {millimetres(error)} from {report.truth} on average{_once_turned(report)}. {meaning[level]}",
    )


def one_line(report: LearningReport) -> str:
    """Return what was taught and the numbers that matter, for the terminal."""
    numbers = ", ".join(
        f"{words} {millimetres(report.errors[key])}"
        for key, words in (("mpjpe_mm", "joints off by"), ("pa_mpjpe_mm", "once turned and scaled by"))
        if key in report.errors
    )
    return (
        f"{report.name}: learned from {plural(report.learned_examples, 'example')} in {duration(report.seconds)};"
        f" on {report.held_out_examples} held out, {numbers or 'nothing was measured'}"
    )


def advice(report: LearningReport) -> tuple[str, ...]:
    """Return what to do now, most important first."""
    told = [*_about_steps(report), *_about_examples(report), *_about_errors(report)]
    if verdict(report).level != "poor":
        told.append(f"Use it: `epipose predict VIDEO --model {report.file}`")
    return tuple(told)


def millimetres(value: float | None) -> str:
    """Return an error: whole millimetres from 10 on, tenths below."""
    return in_unit(value, "mm", 1.0, 1 if value is not None and abs(value) < 10 else 0)


def duration(seconds: float) -> str:
    """Return how long something took."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _once_turned(report: LearningReport) -> str:
    error = report.errors.get("pa_mpjpe_mm", np.nan)
    return f", {millimetres(error)} once each pose is turned and scaled onto it" if np.isfinite(error) else ""


def _about_steps(report: LearningReport) -> list[str]:
    """Say whether it learned too little or too much, from the held-out error over the steps."""
    scored = [(point.step, point.errors["mpjpe_mm"]) for point in report.curve if "mpjpe_mm" in point.errors]
    if len(scored) < 4:
        return []
    steps, errors = (np.array(values, float) for values in zip(*scored, strict=True))
    lowest = int(np.argmin(errors))
    late = steps > steps[0] + 0.75 * (steps[-1] - steps[0])
    if errors[-1] > RISEN * errors[lowest]:
        return [
            f"It knows its examples by heart: the error on held-out ones was lowest at step {steps[lowest]:.0f}"
            f" ({millimetres(errors[lowest])}) and has risen since. Film more, and different, motion."
        ]
    if errors[late].min() < (1 - STILL_FALLING) * errors[~late].min():
        gain = errors[~late].min() - errors[late].min()
        return [f"Learn longer: it was still improving when it stopped (by {millimetres(gain)} in the last quarter)."]
    return []


def _about_examples(report: LearningReport) -> list[str]:
    told = []
    if report.labels is not None and report.labels.kept < FEW_LABELS:
        told.append(
            f"Improve the recording first: only {percent(report.labels.kept)} of its triangulated joints could teach;"
            " its own report.html says what to film next."
        )
    if report.learned_examples < FEW_EXAMPLES:
        told.append(
            f"Film more: {plural(report.learned_examples, 'example')} are few; a minute of varied motion before each"
            " camera gives thousands."
        )
    return told


def _about_errors(report: LearningReport) -> list[str]:
    told = []
    error, turned = (report.errors.get(key, np.nan) for key in ("mpjpe_mm", "pa_mpjpe_mm"))
    if error > GOOD_MM and turned < TURNED * error:
        told.append(
            f"The bodies' shapes are better than their direction and size, which make {millimetres(error - turned)} of"
            " the error: let the person turn round more, and film from the height that you will use."
        )
    hard = {name: value for name, value in report.per_joint_mm.items() if value > HARD * error}
    if hard:
        names = sorted(hard, key=lambda name: -hard[name])[:4]
        words = ", ".join(f"{name.replace('_', ' ')} ({millimetres(hard[name])})" for name in names)
        told.append(f"Hardest are {words}: film motion in which the cameras see them clearly.")
    return told
