"""What teaching a network says about itself: values, `learning.json` and one HTML file."""

from epipose.report.learning.contents import CurvePoint, LabelShares, LearningReport, Pictured, Shown
from epipose.report.learning.json_file import write_learning_json
from epipose.report.learning.page import write_learning_report

__all__ = [
    "CurvePoint",
    "LabelShares",
    "LearningReport",
    "Pictured",
    "Shown",
    "write_learning_json",
    "write_learning_report",
]
