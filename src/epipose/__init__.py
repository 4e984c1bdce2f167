"""epipose: 3D human pose from ordinary cameras."""

import importlib
from typing import TYPE_CHECKING, Any

from epipose.errors import InputError

if TYPE_CHECKING:
    from epipose.pipeline.calibrate import calibrate
    from epipose.pipeline.detect import detect
    from epipose.pipeline.evaluate import evaluate
    from epipose.pipeline.evaluate_dataset import evaluate_dataset
    from epipose.pipeline.evaluate_views import evaluate_views
    from epipose.pipeline.export import export
    from epipose.pipeline.learn import learn
    from epipose.pipeline.predict import predict
    from epipose.pipeline.prepare import prepare
    from epipose.pipeline.reconstruct import reconstruct
    from epipose.pipeline.triangulate import triangulate

__version__ = "0.1.0"

__all__ = [
    "InputError",
    "__version__",
    "calibrate",
    "detect",
    "evaluate",
    "evaluate_dataset",
    "evaluate_views",
    "export",
    "learn",
    "predict",
    "prepare",
    "reconstruct",
    "triangulate",
]


def __getattr__(name: str) -> Any:
    # Importing epipose stays light: a stage is loaded when it is first used.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.pipeline.{name}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
