"""The card of a network: what it is, what it was taught on and how good it is, for whoever is handed its file."""

import shlex

from epipose.report.learning.contents import LearningReport
from epipose.report.learning.summary import duration, millimetres
from epipose.report.wording import percent, plural

_ERRORS = {
    "mpjpe_mm": "mean distance of joints, from the root (MPJPE)",
    "n_mpjpe_mm": "the same, each pose scaled to the truth (N-MPJPE)",
    "pa_mpjpe_mm": "the same, each pose also turned (PA-MPJPE)",
}


def model_card(report: LearningReport, command: list[str]) -> str:
    """Return the card, in Markdown; `command` is what the network is made by again."""
    errors = [f"- {words}: {millimetres(report.errors[key])}" for key, words in _ERRORS.items() if key in report.errors]
    if "pck_150" in report.errors:
        errors.append(f"- joints nearer than 150 mm (PCK): {percent(report.errors['pck_150'])}")
    sources = "\n".join(f"- {source.name}" for source in report.sources)
    labels = (
        f"Labels are what the cameras triangulated together; {percent(report.labels.kept)} of the joints were trusted."
        if report.labels
        else "Labels are the recordings' own truth."
    )
    noticed = "\n".join(["## Noticed", "", *(f"- {note}" for note in report.notes), "", ""]) if report.notes else ""
    return f"""# {report.name}

Finds {plural(len(report.skeleton), "joint")} of a person in 3D from one picture.

- **Network**: `{report.model}`, recipe {report.recipe}
- **Taught** by epipose {report.version} on {report.created:%d %B %Y}, in {duration(report.seconds)}

## Taught on

{sources}

{plural(report.learned_examples, "example")}. {labels}

## How good it is

On {plural(report.held_out_examples, "example")} that it never learned from ({report.hold_out}),
against {report.truth}, with the person's distance known:

{chr(10).join(errors)}

It knows the people, places and cameras that it was taught on; elsewhere, expect it to be worse.

{noticed}## Made by

    {shlex.join(command)}

## Used by

    epipose predict VIDEO --model {report.file.name}

The file may hold what its pictures taught it of the people in them; ask them before you hand it on.
"""
