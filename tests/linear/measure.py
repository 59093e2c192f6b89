"""How the cost of something grows with its input: CPU time, never the clock on the wall.

A machine that does other things makes a measurement longer, never shorter. So each size counts with the best
of several, all sizes are measured again where the growth looks too steep, and what costs next to nothing at
its limit counts as flat.
"""

import gc
import sys
from collections.abc import Callable, Iterable
from math import log
from time import process_time
from typing import NamedTuple, TypeVar

MOST_SLOPE = 1.2
"""1 is linear: twice the input costs twice. Quadratic is 2."""

FLAT_S = 0.025
"""A quarter of what one item may hold the loop. Below it a cache that is full looks like growth."""
TOO_MUCH_S = 0.3
ROUNDS = 6

T = TypeVar("T")


class Growth(NamedTuple):
    """`slope` between a quarter of the limit and the limit, 0 where it is flat; `cost_s` at the limit."""

    what: str
    size: int
    cost_s: float
    slope: float

    @property
    def is_linear(self) -> bool:
        return self.slope <= MOST_SLOPE

    def __str__(self) -> str:
        slope = f"{self.slope:5.2f}" if self.slope else " flat"
        return f"{slope}  {1000 * self.cost_s:8.1f} ms at {self.size:>9,}  {self.what}"


def cost_s(run: Callable[[T], object], given: T) -> float:
    """CPU seconds of one call, without garbage collection and without what counts the lines that run."""
    gc.collect(0)
    gc.disable()
    counting = sys.gettrace()
    sys.settrace(None)
    try:
        began = process_time()
        run(given)
        return process_time() - began
    finally:
        sys.settrace(counting)
        gc.enable()


def growth(what: str, run: Callable[[T], object], make: Callable[[int], T], most: int) -> Growth:
    """Measure a call over inputs of a quarter, a half and the whole of its limit.

    It is approached from below, so that what is worse than linear shows before it takes minutes.
    """
    below = 1e-4
    for size in (most // part for part in (128, 64, 32, 16, 8, 4, 2)):
        cost = cost_s(run, make(size))
        if cost > TOO_MUCH_S:
            return Growth(what, size, cost, log(cost / max(below, 1e-4)) / log(2))
        below = cost
    inputs = {size: make(size) for size in (most // 4, most // 2, most)}
    best = {most: cost_s(run, inputs[most])}
    if best[most] < FLAT_S:
        return Growth(what, most, best[most], 0.0)
    slope = 0.0
    for _ in range(ROUNDS):
        for size, given in inputs.items():
            best[size] = min(best.get(size, 1e9), cost_s(run, given))
        slope = log(best[most] / max(best[most // 4], 1e-6)) / log(4)
        if best[most] < FLAT_S:
            return Growth(what, most, best[most], 0.0)
        if slope <= MOST_SLOPE or best[most] > TOO_MUCH_S:
            break
    return Growth(what, most, best[most], slope)


def table(title: str, grown: Iterable[Growth], rows: int = 12) -> str:
    """The steepest and the most expensive of them, for the figures at the end of a run."""
    every = list(grown)
    steep = sorted(every, key=lambda one: -one.slope)[: rows // 2]
    dear = sorted(every, key=lambda one: -one.cost_s)[: rows - len(steep)]
    flat = sum(not one.slope for one in every)
    head = f"{title}: {len(every)} measured, {flat} flat, steepest {max(one.slope for one in every):.2f}"
    return "\n".join([head, *(f"    {one}" for one in dict.fromkeys([*steep, *dear]))])
