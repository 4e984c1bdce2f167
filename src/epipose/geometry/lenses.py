"""Lenses: from directions in the camera to pixels and back.

Every lens maps *ideal* points, x/z and y/z of a point in the camera, to pixels: distortion first, then focal length
and principal point. A lens is a set of five numbers or more, so bundle adjustment can estimate any of them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.errors import InputError

MIN_DEPTH = 1e-6
"""Metres in front of the camera below which a point has no picture."""


class Warp(NamedTuple):
    """Distorted ideal points and their derivatives, one contiguous array a number (several times faster)."""

    x: Float[ndarray, "*batch"]
    y: Float[ndarray, "*batch"]
    x_by_x: Float[ndarray, "*batch"]
    x_by_y: Float[ndarray, "*batch"]
    y_by_x: Float[ndarray, "*batch"]
    y_by_y: Float[ndarray, "*batch"]
    valid: Bool[ndarray, "*batch"]


class Undistorted(NamedTuple):
    """Ideal points, and what a small step of them measures in pixels: a square root of step @ metric @ step."""

    x: Float[ndarray, "*batch"]
    y: Float[ndarray, "*batch"]
    metric: Float[ndarray, "3 *batch"]
    """Entries xx, xy, yy of the symmetric matrix."""
    valid: Bool[ndarray, "*batch"]


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
    def warp(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Warp:
        """Return where ideal points move to, with derivatives, and which lie where the model is one-to-one."""

    @abstractmethod
    def d_coefficients(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Float[ndarray, "*batch 2 k"]:
        """Return the derivatives of distorted points by the coefficients."""

    def distort(self, ideal: Float[ndarray, "*batch 2"]) -> Distorted:
        """Return where ideal points move to, with all derivatives, and which lie where the model is one-to-one."""
        x, y = ideal[..., 0], ideal[..., 1]
        warp = self.warp(x, y)
        d_ideal = np.stack([warp.x_by_x, warp.x_by_y, warp.y_by_x, warp.y_by_y], axis=-1).reshape(*ideal.shape, 2)
        return Distorted(
            np.stack([warp.x, warp.y], axis=-1), d_ideal, self.d_coefficients(x, y), np.asarray(warp.valid)
        )

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

    def with_parameters(self, parameters: Float[ndarray, "n"]) -> "Lens":
        """Return the same kind of lens with other `parameters`."""
        fx, fy, cx, cy, *coefficients = map(float, parameters)
        return replace(self, focal=(fx, fy), centre=(cx, cy), coefficients=tuple(coefficients))

    def project(self, points: Float[ndarray, "*batch 3"]) -> tuple[Float[ndarray, "*batch 2"], Bool[ndarray, "*batch"]]:
        """Return pixels of points given in camera axes (metres), and which of them the lens can see.

        Where `valid` is false the pixels are finite but mean nothing.
        """
        ideal, in_front = _ideal_from_points(points)
        warp = self.warp(ideal[..., 0], ideal[..., 1])
        return np.stack([warp.x, warp.y], axis=-1) * self.focal + self.centre, np.asarray(in_front & warp.valid)

    def undistort(
        self, pixels: Float[ndarray, "*batch 2"]
    ) -> tuple[Float[ndarray, "*batch 2"], Bool[ndarray, "*batch"]]:
        """Return ideal points of pixels: the true inverse of `project`, by Newton's method on the model itself.

        Where `valid` is false no ideal point of the one-to-one region maps to the pixel.
        """
        x, y, _, valid = self.undistort_with_metric(pixels)
        return np.stack([x, y], axis=-1), valid

    def undistort_with_metric(self, pixels: Float[ndarray, "*batch 2"]) -> Undistorted:
        """Return ideal points as `undistort` does, with the scale of pixels there."""
        (fx, fy), (cx, cy) = self.focal, self.centre
        u = ((pixels[..., 0] - cx) / fx).ravel()
        v = ((pixels[..., 1] - cy) / fy).ravel()
        x, y = self._first_guess(u, v)
        waiting = np.arange(u.size)
        for _ in range(30):
            x[waiting], y[waiting], error = self._newton_step(x[waiting], y[waiting], u[waiting], v[waiting])
            waiting = waiting[error > 1e-14]
            if not waiting.size:
                break
        warp = self.warp(x, y)
        error_px = np.hypot((warp.x - u) * fx, (warp.y - v) * fy)
        metric = np.stack(
            [
                (fx * warp.x_by_x) ** 2 + (fy * warp.y_by_x) ** 2,
                fx**2 * warp.x_by_x * warp.x_by_y + fy**2 * warp.y_by_x * warp.y_by_y,
                (fx * warp.x_by_y) ** 2 + (fy * warp.y_by_y) ** 2,
            ]
        )
        valid = (error_px < 1e-7) & warp.valid
        shape = pixels.shape[:-1]
        return Undistorted(x.reshape(shape), y.reshape(shape), metric.reshape(3, *shape), valid.reshape(shape))

    def _newton_step(
        self, x: Float[ndarray, "n"], y: Float[ndarray, "n"], u: Float[ndarray, "n"], v: Float[ndarray, "n"]
    ) -> tuple[Float[ndarray, "n"], Float[ndarray, "n"], Float[ndarray, "n"]]:
        """Return ideal points nearer to those that distort to (u, v), and the size of the step still to come."""
        warp = self.warp(x, y)
        du, dv = warp.x - u, warp.y - v
        determinant = warp.x_by_x * warp.y_by_y - warp.x_by_y * warp.y_by_x
        inverse = 1 / np.where(np.abs(determinant) > 1e-12, determinant, 1.0)
        dx = (warp.y_by_y * du - warp.x_by_y * dv) * inverse
        dy = (warp.x_by_x * dv - warp.y_by_x * du) * inverse
        length = np.hypot(dx, dy)
        # Steps are bounded, which could leap, and so are points, which could leave the one-to-one region.
        bound = 0.5 / np.maximum(length, 0.5)
        x, y = x - dx * bound, y - dy * bound
        if np.isfinite(self.max_radius):
            inside = self.max_radius / np.maximum(np.hypot(x, y), self.max_radius)
            x, y = x * inside, y * inside
        # Convergence is quadratic: after a step of 1e-7 the next one is of the order of 1e-14.
        return x, y, length**2

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

    def resized(self, scale: tuple[float, float]) -> "Lens":
        """Return the lens of a picture resized by `scale` (x, y): pixel u becomes (u + 0.5) s - 0.5."""
        (fx, fy), (cx, cy), (sx, sy) = self.focal, self.centre, scale
        return replace(self, focal=(fx * sx, fy * sy), centre=((cx + 0.5) * sx - 0.5, (cy + 0.5) * sy - 0.5))

    def cropped(self, left: float, top: float) -> "Lens":
        """Return the lens of a picture that lost `left` columns and `top` rows (negative: gained)."""
        return replace(self, centre=(self.centre[0] - left, self.centre[1] - top))

    def _first_guess(
        self, u: Float[ndarray, "n"], v: Float[ndarray, "n"]
    ) -> tuple[Float[ndarray, "n"], Float[ndarray, "n"]]:
        return u.copy(), v.copy()


@dataclass(frozen=True)
class Pinhole(Lens):
    """A lens without distortion."""

    coefficient_counts: ClassVar[tuple[int, ...]] = (0,)

    def warp(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Warp:
        """Return the points as they are, shape (*batch)."""
        one, zero = np.ones(x.shape), np.zeros(x.shape)
        return Warp(x, y, one, zero, zero, one, np.ones(x.shape, bool))

    def d_coefficients(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Float[ndarray, "*batch 2 0"]:
        """Return nothing: there are no coefficients, shape (*batch, 2, 0)."""
        return np.zeros((*np.broadcast_shapes(x.shape, y.shape), 2, 0))


@dataclass(frozen=True)
class BrownConrady(Lens):
    """OpenCV's model: (k1, k2, p1, p2[, k3[, k4, k5, k6]]), radial (rational with k4-k6) and tangential."""

    coefficient_counts: ClassVar[tuple[int, ...]] = (4, 5, 8)

    @cached_property
    def max_radius(self) -> float:
        """Length of an ideal point up to which the radial part grows, so that the model is one-to-one."""
        return _one_to_one_radius(self.coefficients)

    def warp(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Warp:
        """Return distorted points, shape (*batch), by OpenCV's formula."""
        return _brown_conrady(x, y, self.coefficients, 2.0, self.max_radius)

    def d_coefficients(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Float[ndarray, "*batch 2 k"]:
        """Return the derivatives of distorted points by the coefficients, shape (*batch, 2, k)."""
        return _brown_conrady_by_coefficients(x, y, self.coefficients, 2.0)


@dataclass(frozen=True)
class Human36mLens(Lens):
    """Human3.6M's own variant, in OpenCV's order (k1, k2, p1, p2, k3): tangential terms on x y, x^2, y^2 count once."""

    coefficient_counts: ClassVar[tuple[int, ...]] = (5,)

    @cached_property
    def max_radius(self) -> float:
        """Length of an ideal point up to which the radial part grows, so that the model is one-to-one."""
        return _one_to_one_radius(self.coefficients)

    def warp(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Warp:
        """Return distorted points, shape (*batch), by Human3.6M's formula."""
        return _brown_conrady(x, y, self.coefficients, 1.0, self.max_radius)

    def d_coefficients(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Float[ndarray, "*batch 2 k"]:
        """Return the derivatives of distorted points by the coefficients, shape (*batch, 2, k)."""
        return _brown_conrady_by_coefficients(x, y, self.coefficients, 1.0)


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

    def warp(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Warp:
        """Return distorted points, shape (*batch)."""
        k1, k2, k3, k4 = self.coefficients
        r2 = x * x + y * y
        radius = np.sqrt(r2)
        angle = np.arctan(radius)
        a2 = angle * angle
        bent = angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
        slope = (1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * 9 * k4)))) / (1 + r2)
        near_axis = radius < 1e-9
        scale = np.where(near_axis, 1.0, bent / np.maximum(radius, 1e-12))
        curl = np.where(near_axis, 0.0, (slope - scale) / np.maximum(r2, 1e-24))
        d_cross = curl * x * y
        valid = radius <= self.max_radius
        return Warp(x * scale, y * scale, scale + curl * x * x, d_cross, d_cross, scale + curl * y * y, valid)

    def d_coefficients(self, x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"]) -> Float[ndarray, "*batch 2 4"]:
        """Return the derivatives of distorted points by the coefficients, shape (*batch, 2, 4)."""
        radius = np.hypot(x, y)
        odd = np.arctan(radius)[..., None] ** np.array([3, 5, 7, 9])
        unit = np.stack([x, y], axis=-1) / np.maximum(radius, 1e-12)[..., None]
        return np.asarray(unit[..., :, None] * odd[..., None, :])

    def _first_guess(
        self, u: Float[ndarray, "n"], v: Float[ndarray, "n"]
    ) -> tuple[Float[ndarray, "n"], Float[ndarray, "n"]]:
        bent = np.hypot(u, v)
        angle = np.minimum(bent, self.max_valid_angle)
        stretch = np.where(bent > 1e-9, np.tan(angle) / np.maximum(bent, 1e-12), 1.0)
        return u * stretch, v * stretch


def _ideal_from_points(
    points: Float[ndarray, "*batch 3"],
) -> tuple[Float[ndarray, "*batch 2"], Bool[ndarray, "*batch"]]:
    depth = points[..., 2]
    in_front = np.asarray(depth > MIN_DEPTH)
    return points[..., :2] / np.where(in_front, depth, 1.0)[..., None], in_front


def _brown_conrady(
    x: Float[ndarray, "*batch"],
    y: Float[ndarray, "*batch"],
    coefficients: tuple[float, ...],
    tangential_gain: float,
    max_radius: float,
) -> Warp:
    """Distort by x (radial + g (p1 y + p2 x)) + p2 r^2 (and likewise for y), with g = 2 in OpenCV."""
    k1, k2, p1, p2, k3, k4, k5, k6 = (*coefficients, 0.0, 0.0, 0.0, 0.0)[:8]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    d_radial = k1 + r2 * (2 * k2 + 3 * r2 * k3)
    if len(coefficients) == 8:
        denominator = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
        radial = radial / denominator
        d_radial = (d_radial - radial * (k4 + r2 * (2 * k5 + 3 * r2 * k6))) / denominator
    factor = radial + tangential_gain * (p1 * y + p2 * x)
    by_x = 2 * x * d_radial + tangential_gain * p2
    by_y = 2 * y * d_radial + tangential_gain * p1
    return Warp(
        x * factor + p2 * r2,
        y * factor + p1 * r2,
        factor + x * by_x + 2 * p2 * x,
        x * by_y + 2 * p2 * y,
        y * by_x + 2 * p1 * x,
        factor + y * by_y + 2 * p1 * y,
        r2 <= max_radius**2,
    )


def _brown_conrady_by_coefficients(
    x: Float[ndarray, "*batch"], y: Float[ndarray, "*batch"], coefficients: tuple[float, ...], tangential_gain: float
) -> Float[ndarray, "*batch 2 k"]:
    k1, k2, _, _, k3, k4, k5, k6 = (*coefficients, 0.0, 0.0, 0.0, 0.0)[:8]
    ideal = np.stack([x, y], axis=-1)
    r2 = x * x + y * y
    denominator = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / denominator
    derivatives = np.empty((*ideal.shape, 8))
    for index, power in ((0, 1), (1, 2), (4, 3)):
        derivatives[..., index] = ideal * (r2**power / denominator)[..., None]
    for index, power in ((5, 1), (6, 2), (7, 3)):
        derivatives[..., index] = ideal * (-radial * r2**power / denominator)[..., None]
    derivatives[..., 2] = np.stack([tangential_gain * x * y, tangential_gain * y * y + r2], axis=-1)
    derivatives[..., 3] = np.stack([tangential_gain * x * x + r2, tangential_gain * x * y], axis=-1)
    return derivatives[..., : len(coefficients)]


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
