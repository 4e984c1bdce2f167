"""What the server says: the same of pictures, videos and live frames, documented by OpenAPI."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat

from epipose.pose.skeletons import Skeleton
from epipose.runtime.placing import Person

Numbers = list[FiniteFloat]


class PersonAnswer(BaseModel):
    """One person in one picture. Lists of joints are in the order of the skeleton's `joint_names`."""

    id: int = Field(description="From 1; in a video or on a live socket, the same person keeps it")
    square_px: Numbers = Field(description="x0 y0 x1 y1 of the square that was looked at, in pixels")
    pixels: list[Numbers] = Field(description="x y of each joint in pixels; the first pixel's centre is (0, 0)")
    positions_m: list[Numbers] = Field(description="x y z of each joint in metres: right, down, away; see `measure`")
    confidence: Numbers = Field(description="0 to 1 for each joint; 0: it is not known")
    sigma_m: Numbers = Field(description="One standard deviation of each position along each axis, in metres")


class FrameAnswer(BaseModel):
    """The people in one picture."""

    index: int = Field(description="Of the frame, from 0")
    time_s: FiniteFloat = Field(description="Seconds since the first frame")
    size_wh: tuple[int, int] = Field(description="Width and height of the picture, in pixels")
    people: list[PersonAnswer]


class SkeletonAnswer(BaseModel):
    """The joints of a network."""

    name: str
    joint_names: list[str]
    parents: list[str | None] = Field(description="Of each joint, the one that it hangs on; null: none")
    left: list[str] = Field(description="Joints of the person's left side ...")
    right: list[str] = Field(description="... and those of the right, in the same order")


class ModelAnswer(BaseModel):
    """A network that is served."""

    name: str
    kind: Literal["crop", "lift"] = Field(description="crop: sees pictures; lift: sees a detector's keypoints")
    measure: str = Field(description="What positions mean, and where the size of people comes from")
    skeleton: SkeletonAnswer
    note: str
    terms: str = Field(description="Under which it may be used; empty: those of epipose")


class PosesAnswer(BaseModel):
    """The people in a picture or a video."""

    model: str
    measure: str = Field(description="What positions mean, and where the size of people comes from")
    skeleton: SkeletonAnswer
    frames: list[FrameAnswer]


class Refusal(BaseModel):
    """Why a request was not answered."""

    detail: str


def skeleton_answer(skeleton: Skeleton) -> SkeletonAnswer:
    """Return what is told of a skeleton."""
    left, right = zip(*skeleton.pairs, strict=True) if skeleton.pairs else ((), ())
    return SkeletonAnswer(
        name=skeleton.name,
        joint_names=list(skeleton.joint_names),
        parents=list(skeleton.parents),
        left=list(left),
        right=list(right),
    )


def frame_answer(index: int, time_s: float, size_wh: tuple[int, int], people: Sequence[Person]) -> FrameAnswer:
    """Return what is told of a frame."""
    return FrameAnswer(index=index, time_s=round(time_s, 6), size_wh=size_wh, people=[_person(one) for one in people])


def _person(person: Person) -> PersonAnswer:
    return PersonAnswer(
        id=person.slot + 1,
        square_px=_rounded(person.box, 1),
        pixels=[_rounded(joint, 1) for joint in person.pixels],
        positions_m=[_rounded(joint, 4) for joint in person.joints],
        confidence=_rounded(person.weight, 3),
        sigma_m=_rounded(person.sigma, 4),
    )


def _rounded(numbers: np.ndarray, digits: int) -> Numbers:
    values: Numbers = np.round(numbers.astype(float), digits).tolist()
    return values
