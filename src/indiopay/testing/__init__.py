"""For people who test their own app, or who write stores, file stores and mailers."""

from indiopay.testing.clock import StoppedClock
from indiopay.testing.memory import memory_desk

__all__ = ["StoppedClock", "memory_desk"]
