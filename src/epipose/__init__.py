"""epipose: 3D human pose from ordinary cameras."""

from epipose.errors import InputError

__version__ = "0.1.0"

__all__ = ["InputError", "__version__"]
