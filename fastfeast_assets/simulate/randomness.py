"""Random draws that depend on the seed and the place of use, and on nothing else.

Every use has a stream of its own, so that a file comes out the same whatever else is written.
Only integer draws are used: they are exact, so every machine draws the same.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MILLION = 1_000_000
_HEX = np.frombuffer(bytes(range(256)).hex().encode(), dtype=np.uint8).reshape(256, 2)
_DASHES = (8, 13, 18, 23)
_DIGIT_PLACES = np.array([place for place in range(36) if place not in _DASHES])


class Stream(IntEnum):
    """What a stream of random numbers is used for; numbers never change their meaning."""

    DEMAND = 1
    ORDERS = 2
    ORDER_UPDATES = 3
    TICKETS = 4
    LIFECYCLE = 5
    EVENTS = 6
    DIRT = 7
    CUSTOMERS = 8
    RESTAURANTS = 9
    DRIVERS = 10
    AGENTS = 11
    TICKET_UPDATES = 12


def generator(
    seed: int, stream: Stream, *, day: int = 0, hour: int = 0, part: int = 0
) -> np.random.Generator:
    """Returns the generator of one place of use.

    Args:
        seed: The seed of the simulation.
        stream: What the numbers are for.
        day: Ordinal of the day, or 0.
        hour: Hour of the day, or 0.
        part: Number of the chunk, column or source within that, or 0.
    """
    sequence = np.random.SeedSequence([int(stream), day, hour, part, seed])
    return np.random.Generator(np.random.PCG64(sequence))


def pick(rng: np.random.Generator, count: int, weights: tuple[int, ...]) -> Ints:
    """Returns `count` codes from 0 on, each as often as its weight says."""
    bounds = np.cumsum(weights)
    return np.searchsorted(bounds, rng.integers(0, bounds[-1], count), side="right").astype(
        np.int64
    )


def share(rng: np.random.Generator, count: int, rate: float) -> Bools:
    """Returns `count` flags that are true with the chance `rate` (to six decimals)."""
    return rng.integers(0, MILLION, count) < round(rate * MILLION)


def stochastic_count(rng: np.random.Generator, total: int, rate: float) -> int:
    """Returns `total * rate`, rounded up or down by chance so that the mean is exact."""
    scaled = total * round(rate * MILLION) + int(rng.integers(0, MILLION))
    return min(total, scaled // MILLION)


def uuids(rng: np.random.Generator, count: int) -> Any:
    """Returns `count` random version 4 UUIDs as a pyarrow string array."""
    raw = rng.integers(0, 256, (count, 16), dtype=np.uint8)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    text[:, _DIGIT_PLACES] = _HEX[raw].reshape(count, 32)
    offsets = np.arange(count + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))
