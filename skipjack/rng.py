"""Random streams that depend on nothing but (seed, number, purpose).

A stream is a place in the sequence of a counter-based generator, not a generator with a state of
its own: the same seed, trial number and purpose give the same numbers in every process, thread
and order of calls. That is what makes a resumed study continue as if nothing had happened.

Only raw 64-bit words are taken from NumPy, and converted here: NumPy does not promise that its
distributions stay the same between versions (NEP 19).

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC 2011, doi:10.1145/2063384.2063405 (Philox 4x64-10); Wang Yi, "wyhash and wyrand",
2019 (the mixing in `at`: the folded product of wyrand, which passes BigCrush and PractRand);
M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied
Statistics 37 (1988), doi:10.2307/2347330 (PPND16, the normal quantile).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from numpy.random import Philox

from skipjack.errors import invalid

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
WordArray: TypeAlias = npt.NDArray[np.uint64]

_MASK = 2**64 - 1
_UNIT = 2.0**-53  # the 53 upper bits of a word, times this, lie in [0, 1)
_ELEVEN, _TWELVE = np.uint64(11), np.uint64(12)
_COARSE = 2.0**-52
_EMPTY = (0, 0, 0, 0)
_FULLY_READ = 4  # Philox makes four words at a time; this position asks for the next four

_hashes: dict[str, int] = {}


def _hash(text: str) -> int:
    """A 64-bit hash of `text`, the same in every process; remembered."""
    found = _hashes.get(text)
    if found is None:
        if len(_hashes) >= 65536:  # names made up without end must not fill the memory
            _hashes.clear()
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        found = _hashes[text] = int.from_bytes(digest, "little")
    return found


class _Generator:
    """A Philox, and in whose sequence it stands."""

    __slots__ = ("_place", "_state", "owner", "philox", "position", "raw")

    def __init__(self) -> None:
        self.philox = Philox(key=0)
        self.raw = self.philox.random_raw
        self.owner: Stream | None = None
        self.position = 0
        self._place = {"counter": _EMPTY, "key": (0, 0)}
        self._state: Any = {  # NumPy reads sequences of ints as well as the arrays it declares
            "bit_generator": "Philox",
            "state": self._place,
            "buffer": _EMPTY,
            "buffer_pos": _FULLY_READ,
            "has_uint32": 0,
            "uinteger": 0,
        }

    def move(self, key: tuple[int, int], counter: tuple[int, int, int, int]) -> None:
        """Stand before block `counter` + 1 of the sequence `key`."""
        self.owner = None
        place = self._place
        place["key"], place["counter"] = key, counter
        self.philox.state = self._state  # re-keyed, not rebuilt: 0.3 us against 7 us


_local = threading.local()


def _generator() -> _Generator:
    """This thread's own."""
    try:
        return cast(_Generator, _local.generator)
    except AttributeError:
        _local.generator = made = _Generator()
        return made


class Stream:
    """The random sequence of one (seed, number, purpose).

    Successive calls continue the sequence, whatever other streams do meanwhile and in whichever
    thread; two streams of equal arguments give equal sequences. One word is used per number that
    is returned, so the place in the sequence does not depend on the values drawn.
    A stream must not be used by two threads at the same moment.

    Attributes:
        number: Which sequence it is.
        trial: The trial that draws from it: the same number, but for a retry, which draws what
            the trial drew that it repeats.
    """

    __slots__ = ("_base", "_key", "_position", "number", "trial")

    def __init__(self, seed: int, number: int, purpose: str) -> None:
        # The number stands in the counter too. So two purposes share no block of any number, and
        # two numbers share none of any purpose, unless two purposes have the same 64-bit hash.
        self.number = number & _MASK
        self.trial = number
        self._key = (seed & _MASK, _hash(purpose) ^ self.number)
        self._position = 0
        self._base = -1

    @property
    def seed(self) -> int:
        """The seed: its lower 64 bits."""
        return self._key[0]

    def words(self, n: int) -> WordArray:
        """The next `n` words of 64 random bits."""
        here = _generator()
        if here.owner is not self or here.position != self._position:
            block, skipped = divmod(self._position, 4)
            here.move(self._key, (block, 0, 0, self.number))
            if skipped:
                here.raw(skipped)
            here.owner = self
        drawn = here.raw(n)
        self._position = here.position = self._position + n
        return drawn

    def uniform(self, n: int) -> FloatArray:
        """The next `n` numbers in [0, 1), multiples of 2⁻⁵³."""
        return cast(FloatArray, (self.words(n) >> _ELEVEN) * _UNIT)

    def normal(self, n: int) -> FloatArray:
        """The next `n` numbers of the standard normal distribution, by inversion.

        Accuracy: the quantile has a relative error of about 1e-15; no number is beyond ±8.21.
        """
        # 52 bits, so that the middles of the cells are exact and none is 1
        return _normal_quantile(cast(FloatArray, ((self.words(n) >> _TWELVE) + 0.5) * _COARSE))

    def integers(self, n: int, high: int) -> IntArray:
        """The next `n` integers in 0 ... `high` - 1.

        Raises:
            InvalidValueError: If `high` is not in 1 ... 2**53.

        Accuracy: probabilities are equal up to a relative error of `high` × 2⁻⁵³.
        """
        if not 1 <= high <= 2**53:
            raise invalid("high", "be from 1 to 2**53", high)
        return (self.uniform(n) * high).astype(np.int64)

    def permutation(self, n: int) -> IntArray:
        """0 ... `n` - 1 in random order; uses `n` words."""
        return np.argsort(self.words(n), kind="stable").astype(np.int64, copy=False)

    def at(self, name: str) -> float:
        """The number in [0, 1) of `name` in this stream.

        It depends on seed, number, purpose and name alone: neither on the calls before it nor
        on which other names are asked for, and it does not move the stream. About 0.5 us.
        """
        return self.at_each((name,))[0]

    def at_each(self, names: Iterable[str]) -> list[float]:
        """What `at` says of each of `names`; 0.3 us a name."""
        base = self._base
        if base < 0:
            here = _generator()
            here.move(self._key, (0, 0, 1, self.number))  # blocks that `words` never reaches
            base = self._base = int(here.raw())
        known = _hashes
        return [  # the halves of a 128-bit product, one upon the other
            ((z ^ (z >> 64)) >> 11 & 0x1FFFFFFFFFFFFF) * 1.1102230246251565e-16
            for name in names
            for y in [base ^ (known.get(name) or _hash(name))]
            for z in [y * (y ^ 0xE7037ED1A0B428DB)]
        ]


def stream(seed: int, number: int, purpose: str) -> Stream:
    """The stream of trial `number` in a study of `seed`, for one `purpose`.

    Args:
        seed: Any integer; its lower 64 bits count.
        number: Trial number, or what else tells streams of one purpose apart.
        purpose: A fixed word of the caller's, such as "tpe".

    Cost: 0.5 us; the first draw 1 us more.
    """
    return Stream(seed, number, purpose)


def fresh_seed() -> int:
    """A seed in [0, 2**63) from the operating system's entropy."""
    return int.from_bytes(os.urandom(8), "little") >> 1


# Coefficients of PPND16, highest power first: numerators and denominators of the three regions.
_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
     4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
     1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
     2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
     4.2313330701600911252e1, 1.0),
)  # fmt: skip
_FLANK = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
     4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
     2.05319162663775882187e0, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
     5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def _ratio(region: tuple[tuple[float, ...], tuple[float, ...]], x: FloatArray) -> FloatArray:
    above, below = (np.zeros_like(x) for _ in range(2))
    for p, q in zip(*region, strict=True):
        above, below = above * x + p, below * x + q
    return above / below


def _normal_quantile(u: FloatArray) -> FloatArray:
    """Where the standard normal distribution function is `u`; `u` in (0, 1), shape (n,)."""
    q = u - 0.5
    z = q * _ratio(_CENTRE, 0.180625 - q * q)
    outer = np.abs(q) > 0.425
    if outer.any():
        r = np.sqrt(-np.log(np.minimum(u[outer], 1.0 - u[outer])))
        size = np.where(r <= 5.0, _ratio(_FLANK, r - 1.6), _ratio(_TAIL, r - 5.0))
        z[outer] = np.copysign(size, q[outer])
    return z
