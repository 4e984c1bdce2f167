"""Acts on feet that stay: reaching for things, sitting down and standing up, balancing on one leg."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.studio.motion.acting import SIGNS, Act, Arm, Foot
from epipose.studio.motion.arms import HANG, arm_of
from epipose.studio.motion.signals import drift, enough_keys, keyed

_Times = Float[ndarray, "frames"]
_SEAT = 0.40
"""Metres that the pelvis is lower on a chair than standing."""


def reach(times: _Times, rng: np.random.Generator) -> Act:
    """Reach for one thing after another, high, low and aside, with either hand or both."""
    gap = rng.uniform(1.1, 1.6)
    keys = np.array([_reach_key(rng, rest=index % 3 == 0) for index in range(enough_keys(_end(times), gap))])
    channels = keyed(times, keys, gap, 0.25)
    sway = drift(times, rng, size=np.array([0.01, 0.01]), period=4.0)
    return _planted(times, rng, body=channels[:, :9], arms=(channels[:, 9:14], channels[:, 14:]), sway=sway)


def _reach_key(rng: np.random.Generator, *, rest: bool) -> Float[ndarray, "19"]:
    """Draw where to reach: place (2), sink, spine (3), neck (3), and five channels of each arm."""
    if rest:
        return np.concatenate([np.zeros(9), HANG, HANG])
    high, aside = rng.uniform(-0.9, 1.0), rng.uniform(-0.9, 0.9)
    low = max(-high, 0.0)
    trunk = [0.1 + 0.7 * low, 0.15 * aside, 0.45 * aside, -0.3 * high - 0.1 * low, 0.0, 0.5 * aside]
    arms = []
    which = rng.choice(["both", "one"])
    for sign in SIGNS.values():
        across = sign * aside
        reaching = which == "both" or across > 0
        arms.append([across + 0.1, 0.9, high, rng.uniform(0.1, 0.5), 0.0] if reaching else HANG)
    return np.concatenate([[0.05 * aside, -0.05], [0.1 * low], trunk, *arms])


def sit(times: _Times, rng: np.random.Generator) -> Act:
    """Sit down on a chair that is not there, stay, and stand up again."""
    gap = min(rng.uniform(2.2, 3.0), max(_end(times) / 2, 0.5))
    first = rng.integers(2)
    keys = np.array([(index + first) % 2 for index in range(enough_keys(_end(times), gap))], float)[:, None]
    down = keyed(times, keys, gap, 0.4)[:, 0]
    between = 4 * down * (1 - down)
    zero = np.zeros(len(times))
    trunk = np.stack([0.55 * between + 0.1 * down, zero, zero, -0.25 * between, zero, zero], axis=-1)
    body = np.concatenate(
        [np.stack([zero, 0.36 * down + 0.02 * between], axis=-1), (_SEAT * down)[:, None], trunk], axis=-1
    )
    lap = np.array([0.12, 0.55, -1.0, rng.uniform(0.7, 1.3), rng.uniform(-0.2, 0.4)])
    arm = HANG + down[:, None] * (lap - HANG) + between[:, None] * [0.0, 0.5, 0.1, 0.2, 0.0]
    sway = drift(times, rng, size=np.array([0.006, 0.006]), period=4.0)
    wander = [arm + drift(times, rng, size=np.array([0.02, 0.05, 0, 0.1, 0.05]), period=2.5) for _ in SIGNS]
    return _planted(times, rng, body=body, arms=(wander[0], wander[1]), sway=sway)


def balance(times: _Times, rng: np.random.Generator) -> Act:
    """Stand on one leg after the other, arms spread, the free leg before, behind or beside the body."""
    gap = rng.uniform(1.6, 2.4)
    count = enough_keys(_end(times), gap)
    side = rng.choice([-1.0, 1.0])
    keys = np.array([_balance_key(rng, side * (-1) ** (index // 2), still=index % 2 == 0) for index in range(count)])
    channels = keyed(times, keys, gap, 0.3)
    spread = channels[:, 17]
    sway = drift(times, rng, size=np.array([0.012, 0.012]), period=1.6)
    aside = np.array([1.0, 0.1, 0.0, 0.25, 0.0])
    arms = [
        HANG + spread[:, None] * (aside - HANG) + drift(times, rng, size=np.array([0, 0.1, 0.2, 0.1, 0]), period=1.5)
        for _ in SIGNS
    ]
    act = _planted(times, rng, body=channels[:, :9], arms=(arms[0], arms[1]), sway=sway)
    feet = {}
    for name, start in (("L", 9), ("R", 13)):
        moved, foot = channels[:, start : start + 4], act.feet[name]
        feet[name] = Foot(foot.place + moved[:, :2], foot.heading, np.maximum(moved[:, 2], 0.0), moved[:, 3])
    return Act(**{**vars(act), "feet": feet})


def _balance_key(rng: np.random.Generator, side: float, *, still: bool) -> Float[ndarray, "18"]:
    """Draw a pose on one leg: place (2), sink, spine, neck, each foot's move (2), lift and pitch, spread of the arms.

    `side` is 1 with the left leg lifted and -1 with the right.
    """
    if still:
        return np.zeros(18)
    free = {
        "before": [0.0, rng.uniform(-0.35, -0.1), rng.uniform(0.25, 0.5), 0.3],
        "behind": [0.0, rng.uniform(0.25, 0.6), rng.uniform(0.25, 0.6), 0.9],
        "beside": [side * rng.uniform(0.2, 0.45), 0.0, rng.uniform(0.1, 0.35), 0.3],
    }
    how = str(rng.choice(list(free)))
    lean = {"before": -0.05, "behind": rng.uniform(0.1, 0.7), "beside": 0.0}[how]
    roll = -0.15 * side if how == "beside" else 0.0
    trunk = [lean, roll, 0.0, -0.6 * lean, -roll, 0.0]
    feet = [free[how], [0.0] * 4] if side > 0 else [[0.0] * 4, free[how]]
    return np.concatenate([[-0.085 * side, 0.02 - 0.1 * lean], [0.01], trunk, *feet, [rng.uniform(0.5, 1.0)]])


def _planted(
    times: _Times,
    rng: np.random.Generator,
    *,
    body: Float[ndarray, "frames 9"],
    arms: tuple[Float[ndarray, "frames 5"], Float[ndarray, "frames 5"]],
    sway: Float[ndarray, "frames 2"],
) -> Act:
    """Return the act of somebody on feet that stand still: `body` is place (2), sink, spine and neck over time."""
    apart, out = rng.uniform(0.08, 0.14), rng.uniform(0.05, 0.25)
    zero = np.zeros(len(times))
    feet = {
        side: Foot(np.tile([sign * apart, 0.0], (len(times), 1)), zero + sign * out, zero, zero)
        for side, sign in SIGNS.items()
    }
    hold: dict[str, Arm] = {side: arm_of(side, channels) for side, channels in zip(SIGNS, arms, strict=True)}
    return Act(
        times=times,
        place=body[:, :2] + sway,
        heading=zero,
        sink=0.004 + body[:, 2],
        pelvis=np.stack([0.4 * body[:, 3], 0.3 * body[:, 4], 0.3 * body[:, 5]], axis=-1),
        spine=body[:, 3:6],
        neck=body[:, 6:] + drift(times, rng, size=np.array([0.05, 0.03, 0.12]), period=3.5),
        feet=feet,
        arms=hold,
        curl=rng.uniform(0.1, 0.5),
    )


def _end(times: _Times) -> float:
    return float(times[-1])
