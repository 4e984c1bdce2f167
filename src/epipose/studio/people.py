"""Drawing people: how old, tall and heavy they are."""

import numpy as np

YEARS = np.array([0.5, 10.0, 25.0, 90.0])
ANNY_AGE = np.array([0.0, 1 / 3, 2 / 3, 1.0])
"""anny's `age` at YEARS: a baby, a child, a young and an old adult."""

ADULTS = (18.0, 75.0)
"""Years of age that people are drawn from unless asked otherwise."""


def anny_age(years: float) -> float:
    """Return anny's `age` of a person that old; linear between the ages its shapes were made for."""
    return float(np.interp(years, YEARS, ANNY_AGE))


def random_phenotype(rng: np.random.Generator, ages: tuple[float, float] = ADULTS) -> dict[str, float]:
    """Draw what makes a body (`bodies.PHENOTYPES`) of somebody whose age in years is within `ages`."""
    return {
        "gender": float(np.clip(rng.choice([0.0, 1.0]) + rng.normal(0, 0.1), 0.0, 1.0)),
        "age": anny_age(rng.uniform(*ages)),
        "muscle": float(rng.beta(3, 3)),
        "weight": float(rng.beta(3, 3)),
        "height": float(np.clip(rng.normal(0.41, 0.05), 0.26, 0.6)),
        "proportions": float(rng.beta(3, 3)),
    }
