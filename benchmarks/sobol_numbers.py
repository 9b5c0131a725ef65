"""Choose the initial numbers of Sobol' sequences that stand in `skipjack/numerics/qmc.py`.

    python -m benchmarks.sobol_numbers --dimensions 64 --candidates 24

One dimension after the other: of some random candidates that is taken whose two-dimensional
projections with all dimensions before are the most even: the sum of 4^t over them and over the
first 2^m points, m in `SIZES`, is least. t is that of a (t, m, 2)-net in base 2: every interval of
area 2^(t - m) has 2^t of the points.

Source: S. Joe, F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections",
    SIAM J. Scientific Computing 30 (2008), doi:10.1137/070709359 (the idea of such a search).
"""

from __future__ import annotations

import argparse

import numpy as np

from skipjack.numerics.qmc import direction_numbers, primitive_polynomials

SIZES = (4, 6, 8, 10, 12)
RESOLUTION = 52


def rows_of(numbers: list[int], m: int) -> list[int]:
    """The first m digits of a coordinate as bits of the index: one mask for each digit."""
    return [
        sum((int(v) >> (RESOLUTION - 1 - digit) & 1) << k for k, v in enumerate(numbers[:m]))
        for digit in range(m)
    ]


def reduced(row: int, basis: dict[int, int]) -> int:
    """What is left of a row after those of a basis, by their highest bits."""
    while row and (found := basis.get(row.bit_length())):
        row ^= found
    return row


def t_value(one: list[int], other: list[int], m: int) -> int:
    """The least t with which both coordinates are a net of 2^m points."""
    first: dict[int, int] = {}
    best = m
    for d1 in range(m + 1):
        if d1:
            row = reduced(one[d1 - 1], first)
            if not row:  # never, as each coordinate alone is perfect
                return max(m - d1 + 1, m - best)
            first[row.bit_length()] = row
        basis = dict(first)
        for d2 in range(1, m - d1 + 1):
            row = reduced(other[d2 - 1], basis)
            if not row:
                best = min(best, d1 + d2 - 1)
                break
            basis[row.bit_length()] = row
    return m - best


def main() -> None:
    """Search, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, default=64)
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    before = [[rows_of([1 << (RESOLUTION - 1 - k) for k in range(m)], m) for m in SIZES]]
    for polynomial in primitive_polynomials(given.dimensions - 1):
        degree = polynomial.bit_length() - 1
        options = {
            tuple(int(rng.integers(0, 1 << k)) * 2 + 1 for k in range(degree))
            for _ in range(given.candidates)
        }
        judged = []
        for initial in sorted(options):
            numbers = direction_numbers(polynomial, initial)
            mine = [rows_of(numbers, m) for m in SIZES]
            cost = sum(
                4 ** t_value(a, b, m) for them in before for a, b, m in zip(them, mine, SIZES)
            )
            judged.append((cost, initial, mine))
        cost, initial, mine = min(judged)
        before.append(mine)
        print(f"    ({polynomial}, {', '.join(map(str, initial))}),  # {cost}", flush=True)


if __name__ == "__main__":
    main()
