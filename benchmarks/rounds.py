"""Times variants side by side: every variant in every round, in turning order; ratios of the same round count."""

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median, quantiles
from typing import NamedTuple

Variant = Callable[[], object]


class Ratio(NamedTuple):
    """How much longer a variant takes than the reference: the median of same-round ratios, and its quartiles."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:6.2f}  [{self.low:.2f} to {self.high:.2f}]"


def measure(variants: Mapping[str, Variant], *, rounds: int, repeat: int) -> dict[str, list[float]]:
    """Seconds for `repeat` calls of each variant, in each round; the first round warms up and is dropped."""
    names = list(variants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds[name].append(_seconds(variants[name], repeat))
    return {name: times[1:] for name, times in seconds.items()}


def ratios(seconds: Mapping[str, list[float]], reference: str) -> dict[str, Ratio]:
    """Each variant against the reference, round by round."""
    return {name: _ratio(times, seconds[reference]) for name, times in seconds.items() if name != reference}


def show(title: str, goal: str, seconds: Mapping[str, list[float]], *, reference: str, repeat: int) -> None:
    """Print one row of the table: the reference in microseconds a call, and every variant as a ratio to it."""
    rounds = len(seconds[reference])
    each = median(seconds[reference]) / repeat * 1e6
    print(f"\n{title}  (goal: {goal}; n = {rounds} rounds of {repeat})")
    print(f"  {reference:<44} {each:10.1f} µs")
    for name, ratio in ratios(seconds, reference).items():
        print(f"  {name:<44} {ratio}")


def _seconds(variant: Variant, repeat: int) -> float:
    gc.collect()
    start = time.perf_counter()
    for _ in range(repeat):
        variant()
    return time.perf_counter() - start


def _ratio(times: list[float], reference: list[float]) -> Ratio:
    same_round = [ours / theirs for ours, theirs in zip(times, reference, strict=True)]
    low, middle, high = quantiles(same_round, n=4)
    return Ratio(low, middle, high)
