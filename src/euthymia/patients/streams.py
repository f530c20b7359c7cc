"""Random numbers by counter: a draw depends on (seed, trial, patient, purpose, index) and on nothing else.

Philox 4x32-10 (Salmon et al. 2011) evaluated for whole arrays of patients, so a patient gets the same numbers in
any batch, order, machine or chunk, and can be simulated alone.

References
----------
salmon2011parallel
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
WORD, MANTISSA = 64, 53  # bits of a word, and of a double's fraction


def philox(counter: tuple[ArrayLike, ...], key: tuple[ArrayLike, ...]) -> NDArray[np.uint64]:
    """Ten rounds of Philox 4x32 on arrays of counters and keys.

    Parameters
    ----------
    counter : four array_like of 32-bit unsigned values, broadcastable
    key : two array_like of 32-bit unsigned values

    Returns
    -------
    ndarray, shape (4, ...), 32-bit values in uint64

    Examples
    --------
    The first known-answer vector of the generator's authors:

    >>> [f"{int(v):08x}" for v in philox((0, 0, 0, 0), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c = [np.asarray(v, dtype=np.uint64) for v in counter]
    k = [np.asarray(v, dtype=np.uint64) for v in key]
    for _ in range(10):
        p0, p1 = c[0] * _MULTIPLIERS[0], c[2] * _MULTIPLIERS[1]
        c = [(p1 >> _SHIFT) ^ c[1] ^ k[0], p1 & _LOW, (p0 >> _SHIFT) ^ c[3] ^ k[1], p0 & _LOW]
        k = [(k[0] + _WEYL[0]) & _LOW, (k[1] + _WEYL[1]) & _LOW]
    return np.stack(np.broadcast_arrays(*c))


def _key(seed: int, trial: str, purpose: str) -> tuple[int, int]:
    digest = hashlib.sha256(f"{seed}\x1f{trial}\x1f{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


def uniforms(seed: int, trial: str, patients: ArrayLike, purpose: str, count: int = 1) -> NDArray[np.float64]:
    """Uniform draws in the open interval (0, 1), shape (patients, count).

    Parameters
    ----------
    seed, trial, purpose
        What the stream is for; each combination is a stream of its own.
    patients : array_like of int, shape (patients,)
        Patient numbers.
    count : int
        Draws per patient.
    """
    who = np.asarray(patients, dtype=np.uint64)[:, None]
    index = np.arange((count + 1) // 2, dtype=np.uint64)[None, :]
    words = philox((index, who & _LOW, who >> _SHIFT, 0), _key(seed, trial, purpose))
    pairs = np.stack([(words[0] << _SHIFT) | words[1], (words[2] << _SHIFT) | words[3]], axis=-1)
    bits = pairs.reshape(len(who), -1)[:, :count] >> np.uint64(WORD - MANTISSA)
    return (bits.astype(np.float64) + 0.5) * 2.0**-MANTISSA


def normals(seed: int, trial: str, patients: ArrayLike, purpose: str, count: int = 1) -> NDArray[np.float64]:
    """Standard normal draws by inversion, shape (patients, count)."""
    from scipy.special import ndtri

    return ndtri(uniforms(seed, trial, patients, purpose, count))
