"""The builtin detector's network: where it lies and what it looks at."""

FILE = "builtin.onnx"
"""The network, beside this module; `builtin.md` says how it was made and how good it is."""
SIZE = 192
"""Pixels along each side of what the network looks at."""
