"""The part of OpenCV's FileStorage (YAML or XML) that holds cameras, read as plain values.

Not by cv2.FileStorage, because that crashes the whole program on a file with many open brackets, and refuses what ROS
and other programs write. Entries are scalars, lists, or one level of named values, as a matrix has.
"""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from epipose.errors import InputError
from epipose.io.camera_files._parsing import read_text

ENTRY = re.compile(r"""^(["']?)([^\s"':\[\]{}][^"':\[\]{}]*)\1\s*:(?:\s+(.*))?$""")
FLOW_TOKEN = re.compile(r"""\[|\]|"[^"]*"|'[^']*'|[^\s,\[\]]+""")
DEEPEST_LIST = 4

Value = str | list["Value"]
"""Text, without its quotes, or a list."""
Storage = dict[str, Value | dict[str, Value]]


def read_storage(path: Path) -> Storage:
    """Return the entries of a FileStorage file by name; raises InputError for one that is not sound."""
    text = read_text(path)
    try:
        return _from_xml(text) if text.lstrip().startswith("<") else _from_yaml(text)
    except (ValueError, ElementTree.ParseError, RecursionError) as error:
        raise InputError(f"{path} is not a sound OpenCV file ({error}); write it again with cv2.FileStorage") from error


def number_lists(node: Value | dict[str, Value] | None) -> object:
    """Return a stored matrix, list or number as (nested) lists of floats; what is not one becomes None.

    A matrix of one row or one column becomes a single list.
    """
    if isinstance(node, dict):
        data = number_lists(node.get("data"))
        shape = number_lists(node.get("sizes")) or [number_lists(node.get(key)) for key in ("rows", "cols")]
        if not isinstance(data, list) or not isinstance(shape, list) or not all(n in range(9999) for n in shape):
            return None
        if math.prod(shape) != len(data) or any(isinstance(value, list) for value in data):
            return None
        return data if 1 in shape else np.reshape(data, [int(n) for n in shape]).tolist()
    if isinstance(node, list):
        values = [number_lists(item) for item in node]
        return None if None in values else values
    try:
        return None if node is None else float(node.replace(".Nan", "nan").replace(".Inf", "inf"))
    except ValueError:
        return None


def _from_yaml(text: str) -> Storage:
    storage: Storage = {}
    top = ""
    for indent, line in _logical_lines(text):
        if line.startswith("- ") and top:
            items = storage[top] or []
            if not isinstance(items, list):
                raise ValueError(f"{top} is both a list and something else")
            storage[top] = [*items, _value(line[2:])]
            continue
        found = ENTRY.match(line)
        if found is None:
            raise ValueError(f"{line[:40]!r} is not understood")
        key, value = found[2].strip(), _value(found[3] or "")
        if indent == 0:
            top = key
            storage[top] = value
        else:
            values = storage.get(top) or {}
            if not isinstance(values, dict):
                raise ValueError(f"{line[:40]!r} is not understood")
            storage[top] = {**values, key: value}
    return storage


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (indentation, content) of each entry, with lists over several lines joined and comments gone."""
    joined, indent = "", 0
    for line in text.splitlines():
        content = re.sub(r"""(^|\s)#[^"']*$""", "", line).strip()
        if not joined:
            indent = len(line) - len(line.lstrip())
            if line.startswith(("%", "---", "...")):
                continue
        joined = f"{joined} {content}".strip()
        if joined.count("[") > joined.count("]"):
            continue
        if joined:
            yield indent, joined
        joined = ""
    if joined:
        raise ValueError("a list does not end")


def _value(text: str) -> Value:
    text = re.sub(r"^!!?\S*\s*", "", text.strip())
    if not text.startswith("["):
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
    outer: list[Value] = []
    stack = [outer]
    for token in FLOW_TOKEN.findall(text):
        if token == "[" and len(stack) <= DEEPEST_LIST:
            inner: list[Value] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif token == "]" and len(stack) > 1:
            stack.pop()
        elif token in "[]":
            raise ValueError("the brackets of a list do not match")
        else:
            stack[-1].append(token.strip("\"'"))
    return outer[0]


def _from_xml(text: str) -> Storage:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("it defines XML entities")
    storage: Storage = {}
    for entry in ElementTree.fromstring(text.encode()):
        texts = {field.tag: (field.text or "").strip() for field in entry}
        fields: dict[str, Value] = {k: [*t.split()] if k in {"data", "sizes"} else t for k, t in texts.items()}
        storage[entry.tag] = fields or (entry.text or "").strip().strip('"')
    return storage
