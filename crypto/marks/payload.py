"""What the tint carries: a copy's number and its tag, in a code that stands a quarter of its cells being wrong.

64 bits (40 of the copy number, 24 of a tag under the month's key) become 384 by a tail-biting convolutional code of
rate 1/6 and constraint length 9; with 192 pilots they fill a tile of 24 x 24 cells. Where each stands is a secret of
the key. A copy number has 12 digits, of which the first is 0, so it fits into 40 bits (:mod:`crypto.codes`).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from crypto.marks.arrays import drawn_numbers
from crypto.marks.keys import MarkKey

TILE = 24
CELLS = TILE * TILE
PILOTS = 192
CODED = CELLS - PILOTS
NUMBER_BITS = 40
TAG_BITS = 24

_BITS = NUMBER_BITS + TAG_BITS
_MEMORY = 8
_STATES = 1 << _MEMORY
_GENERATORS = (0o557, 0o663, 0o711, 0o561, 0o753, 0o575)
_LAPS = 3

Soft = NDArray[np.float32]


class TintCode:
    """The code of one key: tiles and code words of copies, and the way back from soft values."""

    def __init__(self, key: MarkKey) -> None:
        self.key = key
        order = np.argsort(drawn_numbers(key, b"layout", CELLS), kind="stable")
        self.pilot_cells, self.data_cells = order[:PILOTS], order[PILOTS:]
        signs = _signs(key.stream(b"signs", CELLS // 8))
        pilots = np.zeros(CELLS, np.float32)
        pilots[self.pilot_cells] = signs[:PILOTS]
        self.pilots = pilots.reshape(TILE, TILE)
        self._scramble = signs[PILOTS:]

    def codewords(self, numbers: Sequence[int]) -> Soft:
        """Return the code words of copies, len(numbers) x 384 of -1 and +1."""
        if not len(numbers):
            return np.zeros((0, CODED), np.float32)
        payloads = b"".join(number.to_bytes(NUMBER_BITS // 8, "big") + self._tag(number) for number in numbers)
        bits = np.unpackbits(np.frombuffer(payloads, np.uint8)).reshape(-1, _BITS).astype(np.float32)
        coded: Soft = (bits @ _generator_matrix()) % 2
        return np.asarray((1 - 2 * coded) * self._scramble, np.float32)

    def tile(self, number: int) -> NDArray[np.bool_]:
        """Return the tile of a copy, 24 x 24, true where a cell is tinted."""
        tile = self.pilots.reshape(-1).copy()
        tile[self.data_cells] = self.codewords([number])[0]
        return tile.reshape(TILE, TILE) > 0

    def decode(self, soft: Soft) -> list[int | None]:
        """Return for each row of 384 soft values the copy number whose tag is right, or None."""
        return [self._checked(bits) for bits in _decoded(soft * self._scramble)]

    def _tag(self, number: int) -> bytes:
        return self.key.tag(number.to_bytes(NUMBER_BITS // 8, "big"))[: TAG_BITS // 8]

    def _checked(self, bits: NDArray[np.uint8]) -> int | None:
        payload = np.packbits(bits).tobytes()
        number = int.from_bytes(payload[: NUMBER_BITS // 8], "big")
        return number if self._tag(number) == payload[NUMBER_BITS // 8 :] else None


@lru_cache(maxsize=1)
def _outputs() -> Soft:
    """Return what the encoder puts out in each state for each bit, 256 x 2 x 6 of -1 and +1."""
    parity = np.array([value.bit_count() & 1 for value in range(2 * _STATES)])
    registers = np.arange(2)[None, :] << _MEMORY | np.arange(_STATES)[:, None]
    return np.asarray(1 - 2 * parity[registers[..., None] & np.array(_GENERATORS)], np.float32)


@lru_cache(maxsize=1)
def _generator_matrix() -> Soft:
    """Return the code as a matrix over GF(2), 64 x 384: the code is linear, its tail bites."""
    taps = np.array([[generator >> (_MEMORY - delay) & 1 for generator in _GENERATORS] for delay in range(_MEMORY + 1)])
    matrix = np.zeros((_BITS, _BITS, len(_GENERATORS)), np.float32)
    for bit in range(_BITS):
        for delay in range(_MEMORY + 1):
            matrix[bit, (bit + delay) % _BITS] = taps[delay]
    return matrix.reshape(_BITS, CODED)


def _decoded(soft: Soft) -> NDArray[np.uint8]:
    """Return the likeliest 64 bits of each row (Viterbi; three laps around the bitten tail, the middle one counts)."""
    rows = soft.reshape(-1, _BITS, len(_GENERATORS))
    branches = np.einsum("sbj,rtj->trsb", _outputs(), rows)
    states = np.arange(_STATES)
    earlier, bit = (states & (_STATES // 2 - 1)) << 1, states >> (_MEMORY - 1)
    metric = np.zeros((len(rows), _STATES), np.float32)
    chosen = np.empty((_LAPS * _BITS, len(rows), _STATES), np.uint8)
    for step in range(_LAPS * _BITS):
        branch = branches[step % _BITS]
        first = metric[:, earlier] + branch[:, earlier, bit]
        second = metric[:, earlier + 1] + branch[:, earlier + 1, bit]
        chosen[step] = second > first
        metric = np.maximum(first, second)
    state = metric.argmax(axis=1)
    bits = np.empty((len(rows), _LAPS * _BITS), np.uint8)
    at = np.arange(len(rows))
    for step in range(_LAPS * _BITS - 1, -1, -1):
        bits[:, step] = state >> (_MEMORY - 1)
        state = ((state & (_STATES // 2 - 1)) << 1) | chosen[step, at, state]
    return bits[:, _BITS : 2 * _BITS]


def _signs(stream: bytes) -> Soft:
    return np.unpackbits(np.frombuffer(stream, np.uint8)).astype(np.float32) * 2 - 1
