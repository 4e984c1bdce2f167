"""Lenses: from directions in the camera to pixels and back.

Every lens maps *ideal* points, x/z and y/z of a point in the camera, to pixels: distortion first, then focal length
and principal point. A lens is a set of five numbers or more, so bundle adjustment can estimate any of them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.errors import InputError

MIN_DEPTH = 1e-6
"""Metres in front of the camera below which a point has no picture."""


class Distorted(NamedTuple):
    """Distorted ideal points with their derivatives."""

    points: Float[ndarray, "*batch 2"]
    d_ideal: Float[ndarray, "*batch 2 2"]
    d_coefficients: Float[ndarray, "*batch 2 k"]
    valid: Bool[ndarray, "*batch"]


@dataclass(frozen=True)
class Lens(ABC):
    """A lens: `focal` (fx, fy) and `centre` (cx, cy) in pixels, and the `coefficients` of its distortion."""

    focal: tuple[float, float]
    centre: tuple[float, float]
    coefficients: tuple[float, ...] = ()

    coefficient_counts: ClassVar[tuple[int, ...]]
    """How many coefficients this model may have."""

    def __post_init__(self) -> None:
        numbers = (*self.focal, *self.centre, *self.coefficients)
        if not np.all(np.isfinite(numbers)):
            raise InputError(f"a lens has numbers that are not finite: {numbers}")
        if min(self.focal) <= 0:
            raise InputError(f"a lens has the focal length {self.focal}, which must be positive")
        if len(self.coefficients) not in self.coefficient_counts:
            raise InputError(
                f"a {type(self).__name__} lens takes {' or '.join(map(str, self.coefficient_counts))} distortion"
                f" coefficients, not {len(self.coefficients)}"
            )

    @abstractmethod
    def distort(self, ideal: Float[ndarray, "*batch 2"]) -> Distorted:
        """Return where ideal points move to, with derivatives, and which lie where the model is one-to-one."""

    @property
    def max_radius(self) -> float:
        """Length of an ideal point up to which the lens is one-to-one."""
        return float("inf")

    @property
    def matrix(self) -> Float[ndarray, "3 3"]:
        """The camera matrix K: `px_from_cam` of the lens without its distortion."""
        return np.array([[self.focal[0], 0, self.centre[0]], [0, self.focal[1], self.centre[1]], [0, 0, 1.0]])

    @property
    def parameters(self) -> Float[ndarray, "n"]:
        """(fx, fy, cx, cy, *coefficients)."""
        return np.array([*self.focal, *self.centre, *self.coefficients])

    def with_parameters(self, parameters: Float[ndarray, "n"]) -> Self:
        """Return the same kind of lens with other `parameters`."""
        fx, fy, cx, cy, *coefficients = map(float, parameters)
        return replace(self, focal=(fx, fy), centre=(cx, cy), coefficients=tuple(coefficients))

    def project(self, points: Float[ndarray, "*batch 3"]) -> tuple[Float[ndarray, "*batch 2"], Bool[ndarray, "*batch"]]:
        """Return pixels of points given in camera axes (metres), and which of them the lens can see.

        Where `valid` is false the pixels are finite but mean nothing.
        """
        ideal, in_front = _ideal_from_points(points)
        distorted = self.distort(ideal)
        return distorted.points * self.focal + self.centre, in_front & distorted.valid

    def undistort(self, pixels: Float[ndarray, "*batch 2"]) -> tuple[Float[ndarray, "*batch 2"], Bool[ndarray, "*batch"]]:
        """Return ideal points of pixels: the true inverse of `project`, by Newton's method on the model itself.

        Where `valid` is false no ideal point of the one-to-one region maps to the pixel.
        """
        target = (pixels - self.centre) / np.asarray(self.focal)
        ideal = self._first_guess(target)
        for _ in range(30):
            distorted = self.distort(ideal)
            residual = distorted.points - target
            if not residual.size or np.max(np.abs(residual)) < 1e-14:
                break
            ideal = _shortened(ideal - _shortened(_solve_2x2(distorted.d_ideal, residual), 0.5), self.max_radius)
        distorted = self.distort(ideal)
        error_px = np.linalg.norm((distorted.points - target) * self.focal, axis=-1)
        return ideal, (error_px < 1e-7) & distorted.valid

    def derivatives(
        self, points: Float[ndarray, "*batch 3"]
    ) -> tuple[Float[ndarray, "*batch 2"], Float[ndarray, "*batch 2 3"], Float[ndarray, "*batch 2 n"]]:
        """Return pixels of `points` (camera axes), and their derivatives by the points and by `parameters`."""
        ideal, _ = _ideal_from_points(points)
        distorted = self.distort(ideal)
        focal = np.asarray(self.focal)
        inverse_depth = 1 / np.maximum(points[..., 2], MIN_DEPTH)
        d_point = np.empty((*ideal.shape, 3))
        d_point[..., :2] = distorted.d_ideal * focal[:, None] * inverse_depth[..., None, None]
        d_point[..., 2] = -(d_point[..., :2] @ ideal[..., None])[..., 0]
        d_parameters = np.zeros((*ideal.shape, 4 + len(self.coefficients)))
        d_parameters[..., 0, 0] = distorted.points[..., 0]
        d_parameters[..., 1, 1] = distorted.points[..., 1]
        d_parameters[..., 0, 2] = d_parameters[..., 1, 3] = 1
        d_parameters[..., 4:] = distorted.d_coefficients * focal[:, None]
        return distorted.points * focal + self.centre, d_point, d_parameters

    def resized(self, scale: tuple[float, float]) -> Self:
        """Return the lens of a picture resized by `scale` (x, y): pixel u becomes (u + 0.5) s - 0.5."""
        (fx, fy), (cx, cy), (sx, sy) = self.focal, self.centre, scale
        return replace(self, focal=(fx * sx, fy * sy), centre=((cx + 0.5) * sx - 0.5, (cy + 0.5) * sy - 0.5))

    def cropped(self, left: float, top: float) -> Self:
        """Return the lens of a picture that lost `left` columns and `top` rows (negative: gained)."""
        return replace(self, centre=(self.centre[0] - left, self.centre[1] - top))

    def _first_guess(self, distorted: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 2"]:
        return distorted


@dataclass(frozen=True)
class Pinhole(Lens):
    """A lens without distortion."""

    coefficient_counts: ClassVar[tuple[int, ...]] = (0,)

    def distort(self, ideal: Float[ndarray, "*batch 2"]) -> Distorted:
        """Return the points as they are, shape (*batch, 2)."""
        d_ideal = np.broadcast_to(np.eye(2), (*ideal.shape, 2))
        return Distorted(ideal, d_ideal, np.zeros((*ideal.shape, 0)), np.ones(ideal.shape[:-1], bool))


@dataclass(frozen=True)
class BrownConrady(Lens):
    """OpenCV's model: (k1, k2, p1, p2[, k3[, k4, k5, k6]]), radial (rational with k4-k6) and tangential."""

    coefficient_counts: ClassVar[tuple[int, ...]] = (4, 5, 8)

    @cached_property
    def max_radius(self) -> float:
        """Length of an ideal point up to which the radial part grows, so that the model is one-to-one."""
        return _one_to_one_radius(self.coefficients)

    def distort(self, ideal: Float[ndarray, "*batch 2"]) -> Distorted:
        """Return distorted points, shape (*batch, 2), by OpenCV's formula."""
        return _brown_conrady(ideal, self.coefficients, 2.0, self.max_radius)


@dataclass(frozen=True)
class Human36mLens(Lens):
    """Human3.6M's own variant, in OpenCV's order (k1, k2, p1, p2, k3): tangential terms on x y, x^2, y^2 count once."""

    coefficient_counts: ClassVar[tuple[int, ...]] = (5,)

    @cached_property
    def max_radius(self) -> float:
        """Length of an ideal point up to which the radial part grows, so that the model is one-to-one."""
        return _one_to_one_radius(self.coefficients)

    def distort(self, ideal: Float[ndarray, "*batch 2"]) -> Distorted:
        """Return distorted points, shape (*batch, 2), by Human3.6M's formula."""
        return _brown_conrady(ideal, self.coefficients, 1.0, self.max_radius)


@dataclass(frozen=True)
class Fisheye(Lens):
    """OpenCV's fisheye model (Kannala-Brandt, 4 coefficients), for directions up to 85 degrees off the axis."""

    coefficient_counts: ClassVar[tuple[int, ...]] = (4,)
    max_angle: ClassVar[float] = np.deg2rad(85)

    @cached_property
    def max_valid_angle(self) -> float:
        """Angle in radians up to which the distorted angle grows."""
        k1, k2, k3, k4 = self.coefficients
        squared = _first_positive_root(np.array([1, 3 * k1, 5 * k2, 7 * k3, 9 * k4]))
        return float(min(np.sqrt(squared), self.max_angle))

    @property
    def max_radius(self) -> float:
        """Length of an ideal point up to which the distorted angle grows, at most 85 degrees off the axis."""
        return float(np.tan(self.max_valid_angle))

    def distort(self, ideal: Float[ndarray, "*batch 2"]) -> Distorted:
        """Return distorted points, shape (*batch, 2)."""
        powers = np.arange(4)
        k = np.asarray(self.coefficients)
        radius = np.linalg.norm(ideal, axis=-1)
        safe = np.maximum(radius, 1e-12)
        angle = np.arctan(radius)
        odd = angle[..., None] ** (2 * powers + 3)
        bent = angle + odd @ k
        d_bent = (1 + (angle[..., None] ** (2 * powers + 2)) @ ((2 * powers + 3) * k)) / (1 + radius**2)
        near_axis = radius < 1e-9
        scale = np.where(near_axis, 1.0, bent / safe)
        unit = ideal / safe[..., None]
        outer = unit[..., :, None] * unit[..., None, :]
        d_ideal = scale[..., None, None] * np.eye(2) + (np.where(near_axis, 0, d_bent - scale))[..., None, None] * outer
        d_coefficients = unit[..., :, None] * odd[..., None, :]
        return Distorted(ideal * scale[..., None], d_ideal, d_coefficients, radius <= self.max_radius)

    def _first_guess(self, distorted: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 2"]:
        bent = np.linalg.norm(distorted, axis=-1, keepdims=True)
        angle = np.minimum(bent, self.max_valid_angle)
        return np.asarray(distorted * np.where(bent > 1e-9, np.tan(angle) / np.maximum(bent, 1e-12), 1.0))


def _ideal_from_points(
    points: Float[ndarray, "*batch 3"],
) -> tuple[Float[ndarray, "*batch 2"], Bool[ndarray, "*batch"]]:
    depth = points[..., 2]
    in_front = depth > MIN_DEPTH
    return points[..., :2] / np.where(in_front, depth, 1.0)[..., None], in_front


def _brown_conrady(
    ideal: Float[ndarray, "*batch 2"], coefficients: tuple[float, ...], tangential_gain: float, max_radius: float
) -> Distorted:
    """Distort by x (radial + g (p1 y + p2 x)) + p2 r^2 (and likewise for y), with g = 2 in OpenCV."""
    k1, k2, p1, p2, k3, k4, k5, k6 = (*coefficients, 0.0, 0.0, 0.0, 0.0)[:8]
    x, y = ideal[..., 0], ideal[..., 1]
    r2 = x * x + y * y
    numerator = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    denominator = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    radial = numerator / denominator
    d_radial = (k1 + r2 * (2 * k2 + 3 * r2 * k3) - radial * (k4 + r2 * (2 * k5 + 3 * r2 * k6))) / denominator
    factor = radial + tangential_gain * (p1 * y + p2 * x)
    points = np.stack([x * factor + p2 * r2, y * factor + p1 * r2], axis=-1)

    d_factor_x = 2 * x * d_radial + tangential_gain * p2
    d_factor_y = 2 * y * d_radial + tangential_gain * p1
    d_ideal = np.empty((*ideal.shape, 2))
    d_ideal[..., 0, 0] = factor + x * d_factor_x + 2 * p2 * x
    d_ideal[..., 0, 1] = x * d_factor_y + 2 * p2 * y
    d_ideal[..., 1, 0] = y * d_factor_x + 2 * p1 * x
    d_ideal[..., 1, 1] = factor + y * d_factor_y + 2 * p1 * y

    d_coefficients = np.empty((*ideal.shape, 8))
    for index, power in ((0, 1), (1, 2), (4, 3)):
        d_coefficients[..., index] = ideal * (r2**power / denominator)[..., None]
    for index, power in ((5, 1), (6, 2), (7, 3)):
        d_coefficients[..., index] = ideal * (-radial * r2**power / denominator)[..., None]
    d_coefficients[..., 2] = np.stack([tangential_gain * x * y, tangential_gain * y * y + r2], axis=-1)
    d_coefficients[..., 3] = np.stack([tangential_gain * x * x + r2, tangential_gain * x * y], axis=-1)
    return Distorted(points, d_ideal, d_coefficients[..., : len(coefficients)], r2 <= max_radius**2)


def _one_to_one_radius(coefficients: tuple[float, ...]) -> float:
    """Return the radius at which r N(r^2) / D(r^2) stops growing, or where D vanishes, if ever."""
    k1, k2, _, _, k3, k4, k5, k6 = (*coefficients, 0.0, 0.0, 0.0, 0.0)[:8]
    numerator = np.polynomial.Polynomial([1, k1, k2, k3])
    denominator = np.polynomial.Polynomial([1, k4, k5, k6])
    s = np.polynomial.Polynomial([0, 1])
    slope = (numerator + 2 * s * numerator.deriv()) * denominator - 2 * s * numerator * denominator.deriv()
    return float(np.sqrt(min(_first_positive_root(slope.coef), _first_positive_root(denominator.coef))))


def _first_positive_root(coefficients: Float[ndarray, "n"]) -> float:
    """Return the smallest positive real root of a polynomial (lowest power first), or infinity."""
    trimmed = np.trim_zeros(np.asarray(coefficients, float), "b")
    if len(trimmed) < 2:
        return float("inf")
    roots = np.polynomial.polynomial.polyroots(trimmed)
    real = roots.real[(np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots.real))) & (roots.real > 0)]
    return float(real.min()) if real.size else float("inf")


def _solve_2x2(matrix: Float[ndarray, "*batch 2 2"], vector: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 2"]:
    (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
    x, y = np.moveaxis(vector, -1, 0)
    determinant = a * d - b * c
    safe = np.where(np.abs(determinant) > 1e-12, determinant, 1.0)
    return np.stack([(d * x - b * y) / safe, (a * y - c * x) / safe], axis=-1)


def _shortened(vectors: Float[ndarray, "*batch 2"], longest: float) -> Float[ndarray, "*batch 2"]:
    """Limit the length of vectors: of Newton's steps, which could leap, and of points, which could leave the model."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors * np.minimum(1, longest / np.maximum(length, 1e-300)))
