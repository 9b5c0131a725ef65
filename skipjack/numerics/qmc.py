"""Points that fill the unit cube evenly, each computed from its index alone.

Any point costs the same, whichever were computed before, so that trials can be numbered instead of
counted. Dimensions do not depend on how many there are: one more leaves the others as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias, cast, final

import numpy as np
import numpy.typing as npt

from skipjack.rng import Stream

FloatArray: TypeAlias = npt.NDArray[np.float64]
WordArray: TypeAlias = npt.NDArray[np.uint64]

_BITS = 52  # of an index, and of a coordinate
_UNIT = 2.0**-_BITS

# Of dimensions 1, 2, ...: a primitive polynomial and its initial numbers; dimension 0 has none.
# Made by `benchmarks/sobol_numbers.py --dimensions 101 --candidates 128`.
# fmt: off
_NUMBERS: tuple[tuple[int, ...], ...] = (
    (3, 1), (7, 1, 1), (11, 1, 3, 1), (13, 1, 1, 5), (19, 1, 1, 5, 5), (25, 1, 3, 7, 13),
    (37, 1, 1, 1, 15, 19), (41, 1, 3, 7, 5, 23), (47, 1, 1, 3, 11, 1), (55, 1, 3, 1, 9, 7),
    (59, 1, 1, 1, 1, 13), (61, 1, 3, 3, 1, 9), (67, 1, 3, 1, 9, 3, 41), (91, 1, 1, 7, 13, 27, 13),
    (97, 1, 3, 7, 5, 11, 9), (103, 1, 1, 3, 5, 17, 11), (109, 1, 1, 7, 11, 11, 21),
    (115, 1, 1, 7, 5, 1, 21), (131, 1, 3, 5, 7, 1, 47, 51), (137, 1, 3, 7, 3, 17, 23, 93),
    (143, 1, 3, 1, 5, 23, 29, 111), (145, 1, 3, 5, 5, 5, 9, 107), (157, 1, 3, 7, 15, 23, 5, 47),
    (167, 1, 3, 3, 9, 23, 19, 79), (171, 1, 3, 3, 1, 9, 1, 81), (185, 1, 3, 1, 1, 3, 53, 15),
    (191, 1, 3, 5, 15, 25, 31, 15), (193, 1, 1, 3, 5, 17, 41, 85), (203, 1, 1, 3, 9, 11, 27, 11),
    (211, 1, 1, 7, 3, 3, 21, 61), (213, 1, 1, 3, 7, 1, 31, 75), (229, 1, 1, 3, 15, 11, 53, 7),
    (239, 1, 1, 5, 5, 11, 63, 83), (241, 1, 1, 7, 7, 25, 27, 107), (247, 1, 3, 3, 13, 31, 53, 1),
    (253, 1, 1, 3, 3, 27, 33, 33), (285, 1, 1, 1, 7, 7, 43, 15, 81),
    (299, 1, 1, 1, 15, 15, 3, 21, 243), (301, 1, 3, 1, 11, 15, 3, 7, 103),
    (333, 1, 1, 5, 15, 13, 53, 17, 129), (351, 1, 1, 5, 5, 7, 61, 33, 127),
    (355, 1, 1, 7, 11, 19, 13, 29, 33), (357, 1, 1, 3, 1, 17, 3, 5, 5),
    (361, 1, 3, 5, 1, 17, 17, 81, 49), (369, 1, 3, 5, 5, 17, 33, 109, 43),
    (391, 1, 3, 1, 13, 21, 43, 125, 197), (397, 1, 3, 1, 9, 23, 3, 105, 155),
    (425, 1, 1, 3, 3, 13, 45, 61, 145), (451, 1, 3, 3, 7, 25, 63, 39, 67),
    (463, 1, 3, 5, 3, 27, 59, 3, 197), (487, 1, 3, 5, 13, 11, 9, 73, 5),
    (501, 1, 3, 1, 5, 15, 31, 51, 209), (529, 1, 3, 1, 5, 15, 15, 85, 219, 217),
    (539, 1, 1, 5, 9, 25, 23, 75, 147, 139), (545, 1, 1, 5, 1, 1, 5, 105, 185, 393),
    (557, 1, 1, 3, 13, 25, 47, 1, 195, 317), (563, 1, 1, 5, 5, 23, 55, 7, 51, 77),
    (601, 1, 3, 1, 13, 7, 25, 91, 177, 235), (607, 1, 1, 7, 9, 1, 19, 11, 27, 259),
    (617, 1, 1, 5, 9, 17, 27, 45, 193, 473), (623, 1, 3, 1, 1, 27, 23, 63, 183, 493),
    (631, 1, 3, 5, 3, 15, 53, 5, 249, 215), (637, 1, 1, 3, 11, 29, 25, 49, 113, 297),
    (647, 1, 3, 3, 5, 11, 45, 39, 11, 109), (661, 1, 1, 7, 15, 19, 43, 57, 221, 257),
    (675, 1, 3, 7, 7, 25, 55, 103, 59, 369), (677, 1, 3, 5, 11, 27, 7, 125, 53, 323),
    (687, 1, 3, 3, 11, 5, 19, 79, 9, 69), (695, 1, 3, 3, 13, 25, 41, 85, 35, 457),
    (701, 1, 3, 5, 9, 29, 55, 7, 137, 27), (719, 1, 3, 5, 3, 17, 43, 107, 173, 49),
    (721, 1, 3, 3, 13, 13, 51, 67, 219, 93), (731, 1, 1, 5, 9, 5, 7, 77, 101, 225),
    (757, 1, 3, 1, 13, 15, 37, 105, 55, 455), (761, 1, 1, 3, 13, 3, 55, 31, 179, 189),
    (787, 1, 3, 5, 7, 19, 53, 45, 31, 475), (789, 1, 3, 1, 13, 23, 63, 45, 229, 117),
    (799, 1, 1, 3, 11, 11, 55, 119, 101, 185), (803, 1, 1, 7, 1, 31, 31, 51, 103, 385),
    (817, 1, 3, 7, 13, 19, 1, 85, 145, 413), (827, 1, 1, 7, 13, 9, 43, 111, 153, 113),
    (847, 1, 1, 7, 3, 29, 39, 71, 133, 217), (859, 1, 1, 3, 3, 1, 39, 103, 209, 185),
    (865, 1, 3, 5, 5, 1, 23, 45, 17, 509), (875, 1, 3, 7, 11, 17, 57, 113, 77, 151),
    (877, 1, 1, 5, 11, 3, 27, 121, 229, 185), (883, 1, 3, 7, 5, 9, 55, 67, 77, 261),
    (895, 1, 3, 7, 15, 9, 13, 21, 203, 385), (901, 1, 3, 5, 9, 9, 37, 31, 237, 93),
    (911, 1, 1, 1, 5, 11, 57, 9, 97, 399), (949, 1, 1, 1, 1, 25, 15, 1, 157, 263),
    (953, 1, 3, 7, 5, 15, 29, 117, 133, 227), (967, 1, 1, 5, 1, 29, 29, 31, 245, 279),
    (971, 1, 3, 1, 5, 25, 33, 35, 175, 213), (973, 1, 3, 7, 13, 11, 13, 39, 79, 131),
    (981, 1, 3, 7, 11, 19, 39, 43, 29, 285), (985, 1, 1, 3, 7, 31, 37, 89, 19, 251),
    (995, 1, 1, 1, 1, 23, 47, 37, 15, 211), (1001, 1, 3, 3, 11, 9, 39, 19, 43, 7),
    (1019, 1, 1, 1, 11, 3, 51, 115, 177, 253),
)
# fmt: on


@final
class Sobol:
    """The points of Sobol', which are most even after 2, 4, 8, ... of them.

    Args:
        seed: Makes points random that are as even, by a matrix and a shift for each dimension;
            None: the plain ones, of which the first is 0 in all dimensions.

    Source: I. M. Sobol', "On the distribution of points in a cube and the approximate evaluation of
        integrals", USSR Comput. Math. Math. Phys. 7 (1967); P. Bratley, B. L. Fox, "Algorithm 659:
        implementing Sobol's quasirandom sequence generator", ACM TOMS 14 (1988),
        doi:10.1145/42288.214372; J. Matoušek, "On the L2-discrepancy for anchored boxes",
        J. Complexity 14 (1998), doi:10.1006/jcom.1998.0489 (the random matrix).
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = seed
        self._made: tuple[WordArray, WordArray] = (np.zeros((_BITS, 0), np.uint64),) * 2

    def point(self, index: int, d: int) -> FloatArray:
        """Point `index`, from 0 to 2⁵² - 1, in `d` dimensions, shape (d,)."""
        numbers, shift = self._made
        if numbers.shape[1] < d:
            numbers, shift = self._made = self._dimensions(max(8, d))  # at once, for threads
        shown = shift[:d].copy()
        k = 0
        while index >> k:
            if index >> k & 1:
                shown ^= numbers[k, :d]
            k += 1
        return cast(FloatArray, shown * _UNIT)

    def _dimensions(self, d: int) -> tuple[WordArray, WordArray]:
        """Direction numbers of `d` dimensions, shape (bits, d), and shifts, shape (d,)."""
        plain = np.array([_direction_numbers_of(j) for j in range(d)], np.uint64)
        if self._seed is None:
            return plain.T.copy(), np.zeros(d, np.uint64)
        mixed = [_scrambled(plain[j], self._seed, j) for j in range(d)]
        numbers = np.array([numbers for numbers, _ in mixed]).T.copy()
        return numbers, np.array([shift for _, shift in mixed], np.uint64)


def _scrambled(numbers: WordArray, seed: int, j: int) -> tuple[WordArray, np.uint64]:
    """Direction numbers after a random lower triangular matrix, and a random shift."""
    words = Stream(seed, j, "sobol").words(_BITS + 1) >> np.uint64(64 - _BITS)
    mixed = np.zeros_like(numbers)
    for digit in range(_BITS):  # this digit and random ones after it
        above = np.uint64((1 << (_BITS - 1 - digit)) - 1)
        column = (words[digit] & above) | np.uint64(1 << (_BITS - 1 - digit))
        has = numbers >> np.uint64(_BITS - 1 - digit) & np.uint64(1)
        mixed ^= has * column
    return mixed, words[_BITS]


@lru_cache(maxsize=4096)
def _direction_numbers_of(j: int) -> list[int]:
    """Of dimension j; beyond the table with random initial numbers, always the same."""
    if j == 0:
        return [1 << (_BITS - 1 - k) for k in range(_BITS)]
    if j <= len(_NUMBERS):
        return direction_numbers(_NUMBERS[j - 1][0], _NUMBERS[j - 1][1:])
    polynomial = _polynomial(j)
    degree = polynomial.bit_length() - 1
    u = Stream(0, j, "sobol numbers").uniform(degree).tolist()
    return direction_numbers(polynomial, [2 * int(x * (1 << k)) + 1 for k, x in enumerate(u)])


def direction_numbers(polynomial: int, initial: tuple[int, ...] | list[int]) -> list[int]:
    """The numbers whose sum without carry, over the bits of an index, is the coordinate.

    Args:
        polynomial: Primitive over the field of two elements; its coefficients as bits.
        initial: As many odd numbers as its degree, the k-th below 2^k.
    """
    degree = polynomial.bit_length() - 1
    m = list(initial)
    for k in range(degree, _BITS):
        new = m[k - degree] ^ m[k - degree] << degree
        for i in range(1, degree):
            if polynomial >> (degree - i) & 1:
                new ^= m[k - i] << i
        m.append(new)
    return [number << (_BITS - 1 - k) for k, number in enumerate(m[:_BITS])]


_found: list[int] = []  # primitive polynomials so far


def _polynomial(j: int) -> int:
    """The j-th primitive polynomial, from 1."""
    if len(_found) < j:
        _found[:] = list(primitive_polynomials(max(j, 2 * len(_found))))
    return _found[j - 1]


def primitive_polynomials(n: int) -> Iterator[int]:
    """The first `n` polynomials over the field of two elements that are primitive, by degree."""
    degree = made = 0
    while made < n:
        degree += 1
        order = (1 << degree) - 1
        parts = [order // p for p in _prime_factors(order)]
        for inner in range(1 << (degree - 1)):
            polynomial = 1 << degree | inner << 1 | 1
            if _power(order, polynomial) == 1 and all(
                _power(part, polynomial) != 1 for part in parts if part < order
            ):
                made += 1
                yield polynomial
                if made == n:
                    return


def _power(exponent: int, polynomial: int) -> int:
    """The polynomial x to a power, modulo another one."""
    degree = polynomial.bit_length() - 1
    result, square = 1, 2 if degree > 1 else 2 ^ polynomial
    while exponent:
        if exponent & 1:
            result = _product(result, square, polynomial, degree)
        square = _product(square, square, polynomial, degree)
        exponent >>= 1
    return result


def _product(a: int, b: int, polynomial: int, degree: int) -> int:
    found = 0
    while b:
        if b & 1:
            found ^= a
        b >>= 1
        a <<= 1
        if a >> degree & 1:
            a ^= polynomial
    return found


def _prime_factors(n: int) -> list[int]:
    found, p = [], 2
    while p * p <= n:
        if n % p == 0:
            found.append(p)
            while n % p == 0:
                n //= p
        p += 1
    return [*found, n] if n > 1 else found


@final
class Halton:
    """The points of Halton: the digits of the index in prime bases, behind the point.

    Args:
        seed: Makes points random that are as even, by a permutation of the digits for each
            place of each dimension; None: the plain ones, of which the first is 0.

    Source: J. H. Halton, "On the efficiency of certain quasi-random sequences of points in
        evaluating multi-dimensional integrals", Numerische Mathematik 2 (1960); A. B. Owen, "A
        randomized Halton algorithm in R", 2017, arXiv:1706.02808.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = seed
        self._orders: dict[tuple[int, int], list[int]] = {}
        self._rests: dict[tuple[int, int], float] = {}

    def point(self, index: int, d: int) -> FloatArray:
        """Point `index`, from 0, in `d` dimensions, shape (d,)."""
        return np.array([self._coordinate(index, j, base) for j, base in enumerate(_primes(d))])

    def _coordinate(self, index: int, j: int, base: int) -> float:
        found, unit, place = 0.0, 1.0 / base, 0
        while index:
            index, digit = divmod(index, base)
            if self._seed is not None:
                digit = self._order(j, place, base)[digit]
            found += digit * unit
            unit /= base
            place += 1
        return min(found + self._rest(j, place, base), 1.0 - _UNIT)

    def _rest(self, j: int, place: int, base: int) -> float:
        """What the zeros behind the digits of an index add, which are permuted too."""
        if self._seed is None:
            return 0.0
        known = self._rests.get((j, place))
        if known is None:
            unit = float(base) ** -(place + 1)
            known = 0.0
            if unit > _UNIT:
                zero = self._order(j, place, base)[0]
                known = zero * unit + self._rest(j, place + 1, base)
            self._rests[j, place] = known
        return known

    def _order(self, j: int, place: int, base: int) -> list[int]:
        found = self._orders.get((j, place))
        if found is None:
            assert self._seed is not None
            stream = Stream(self._seed, j, f"halton {place}")
            found = self._orders[j, place] = stream.permutation(base).tolist()
        return found


@lru_cache(maxsize=64)
def _primes(n: int) -> list[int]:
    """The first `n` prime numbers."""
    found: list[int] = []
    candidate = 2
    while len(found) < n:
        if all(candidate % p for p in found if p * p <= candidate):
            found.append(candidate)
        candidate += 1
    return found
