"""Starting from what another network knows, of as many joints as both have."""

from pathlib import Path

import torch
from torch import Tensor, nn

from epipose.errors import InputError
from epipose.pose.skeletons import Skeleton
from epipose.training.model_files import read_model

INPUTS = 1
"""Axis of weights along which their inputs lie."""


def start_from(net: nn.Module, skeleton: Skeleton, file: Path) -> int:
    """Give a network for `skeleton` the weights of a model file, joint by joint; return how many joints both have.

    Joints that the file does not know keep what the network has for them, but begin by being ignored where they are
    inputs. Raises InputError for a file of another
    architecture, or without a joint in common.
    """
    description, weights = read_model(file)
    known = description.skeleton.joint_names
    shared = [joint for joint in skeleton.joint_names if joint in known]
    if not shared:
        raise InputError(f"{file} knows none of the joints to be learned; start from another model")
    ours = torch.tensor([skeleton.index(joint) for joint in shared])
    theirs = torch.tensor([description.skeleton.index(joint) for joint in shared])
    axes: dict[str, int] = net.joint_axes  # type: ignore[assignment]
    state = net.state_dict()
    for name, value in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        if name not in weights:
            raise InputError(
                f"{file} is of another architecture, it has no {name}; start from a model of the same kind"
            )
        if name in axes:
            value = _with_parts(value, weights[name], axes[name], (len(skeleton), ours), (len(known), theirs), file)
        elif weights[name].shape == value.shape:
            value = weights[name]
        else:
            raise InputError(
                f"{file} is of another architecture: {name} is {_words(weights[name])} there and {_words(value)} here;"
                " start from a model of the same kind"
            )
        state[name] = value
    net.load_state_dict(state)
    return len(shared)


def _with_parts(
    value: Tensor, start: Tensor, axis: int, ours: tuple[int, Tensor], theirs: tuple[int, Tensor], file: Path
) -> Tensor:
    """Return weights with the parts of some joints, numbered along an axis, taken from others."""
    here, there = value.movedim(axis, 0), start.movedim(axis, 0)
    if here.shape[1:] != there.shape[1:] or len(there) % theirs[0] or len(there) // theirs[0] != len(here) // ours[0]:
        raise InputError(f"{file} is of another architecture; start from a model of the same kind")
    parts, others = (
        array.reshape(count, -1, *array.shape[1:]).clone() for array, count in ((here, ours[0]), (there, theirs[0]))
    )
    if axis == INPUTS:
        # What is new must not disturb what is known; it learns all the same.
        parts.zero_()
    parts[ours[1]] = others[theirs[1]]
    return parts.reshape(here.shape).movedim(0, axis).contiguous()


def _words(array: Tensor) -> str:
    return "x".join(map(str, array.shape)) or "one number"
