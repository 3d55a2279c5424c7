"""How far a score over cases may be from the score over all cases of the kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from statistics import median

Z95 = 1.959964
RESAMPLES = 1000
SEED = 1
FEW = 10
"""Fewer cases than this are told as few."""


def wilson(share: float, cases: int) -> tuple[float, float]:
    """Return the Wilson 95 % interval of a mean of shares.

    A mean of values between 0 and 1 varies at most as much as a share of yes and no does, so the interval is
    never too narrow for partial shares.

    >>> [round(edge, 3) for edge in wilson(1.0, 20)]
    [0.839, 1.0]
    """
    if not cases:
        return 0.0, 1.0
    square = Z95 * Z95
    centre = (share + square / (2 * cases)) / (1 + square / cases)
    half = Z95 / (1 + square / cases) * math.sqrt(share * (1 - share) / cases + square / (4 * cases * cases))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median by resampling; the same values give the same interval."""
    if not values:
        return 0.0, 0.0
    rng = Random(SEED)
    medians = sorted(median(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975) - 1]


def sign_test(better: int, worse: int) -> float:
    """Return how probable it is that at least `worse` of the changed cases are worse by chance alone.

    >>> round(sign_test(0, 5), 3), sign_test(0, 0)
    (0.031, 1.0)
    """
    changed = better + worse
    return float(sum(math.comb(changed, count) for count in range(worse, changed + 1)) / 2**changed)


def holm(chances: Mapping[str, float], level: float) -> frozenset[str]:
    """Return the tests that are beyond chance together: with a probability of `level`, one of them is not.

    Without this, the more scores there are the more often equal runs would differ in one of them.

    >>> sorted(holm({"a": 0.001, "b": 0.02, "c": 0.9}, 0.05)), sorted(holm({"a": 0.03, "b": 0.03}, 0.05))
    (['a', 'b'], [])
    """
    found: set[str] = set()
    for place, (name, chance) in enumerate(sorted(chances.items(), key=lambda pair: pair[1])):
        if chance > level / (len(chances) - place):
            break
        found.add(name)
    return frozenset(found)


def fewest(tests: int, level: float) -> int:
    """Return how many changed cases, all of them worse, are beyond chance among so many tests.

    >>> fewest(1, 0.05), fewest(8, 0.05)
    (5, 8)
    """
    return math.ceil(math.log2(max(1, tests) / level))
