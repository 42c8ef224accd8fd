"""Parallel least-significant-digit radix sort of (key, row) pairs."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from kernels.gaussians.types import SOURCE, Splats
from kernels.workspace import Workspace

SHORT_RUN = 24
"""Up to this many equal keys insertion is faster than a sort that takes memory."""
DIGIT_BITS = 11
"""2048 counters a thread: they and their write fronts stay in the first two cache levels."""


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _pair(keys, rows, pairs, lowest, highest, threads):
    """Pack key and row in one word and find the range of the keys."""
    count = len(keys)
    for t in prange(threads):
        low = np.uint32(0xFFFFFFFF)
        high = np.uint32(0)
        for i in range(count * t // threads, count * (t + 1) // threads):
            key = keys[i]
            low = min(low, key)
            high = max(high, key)
            pairs[i] = (np.uint64(key) << np.uint64(32)) | np.uint64(rows[i])
        lowest[t] = low
        highest[t] = high


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _count(pairs, low, shift, counts, threads):
    count = len(pairs)
    digits = counts.shape[1]
    for t in prange(threads):
        for d in range(digits):
            counts[t, d] = 0
        for i in range(count * t // threads, count * (t + 1) // threads):
            key = (pairs[i] >> np.uint64(32)) - low
            counts[t, (key >> shift) & np.uint64(digits - 1)] += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _scan(counts):
    total = 0
    for d in range(counts.shape[1]):
        for t in range(counts.shape[0]):
            here = counts[t, d]
            counts[t, d] = total
            total += here


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _scatter(pairs, target, low, shift, counts, threads):
    count = len(pairs)
    digits = counts.shape[1]
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            pair = pairs[i]
            digit = (((pair >> np.uint64(32)) - low) >> shift) & np.uint64(digits - 1)
            target[counts[t, digit]] = pair
            counts[t, digit] += 1


@njit(inline="always")
def _key(pair):
    return pair >> np.uint64(32)


@njit(inline="always")
def _boundary(pairs, position):
    """The next position at or after this one where a run of equal keys begins."""
    while 0 < position < len(pairs) and _key(pairs[position]) == _key(pairs[position - 1]):
        position += 1
    return position


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _write_rows(pairs, sources, rows, threads):
    """Write the rows out; runs of equal keys are put in the order of the scene."""
    count = len(pairs)
    for t in prange(threads):
        i = _boundary(pairs, count * t // threads)
        end = _boundary(pairs, count * (t + 1) // threads)
        while i < end:
            begin, key = i, _key(pairs[i])
            while i < end and _key(pairs[i]) == key:
                rows[i] = np.int32(pairs[i] & np.uint64(0xFFFFFFFF))
                i += 1
            if i - begin > SHORT_RUN:
                run = rows[begin:i].copy()
                rows[begin:i] = run[np.argsort(sources[run], kind="mergesort")]
            elif i - begin > 1:
                _insertion_sort(rows, sources, begin, i)


@njit(nogil=True, cache=True, error_model="numpy")
def _insertion_sort(rows, sources, begin, end):
    for i in range(begin + 1, end):
        row = rows[i]
        source = sources[row]
        j = i
        while j > begin and sources[rows[j - 1]] > source:
            rows[j] = rows[j - 1]
            j -= 1
        rows[j] = row


def run(splats: Splats, workspace: Workspace) -> NDArray[np.int32]:
    """See :func:`kernels.gaussians.sort.sort`."""
    threads = get_num_threads()
    count = splats.count
    pairs = workspace.take("pairs", count, np.uint64)
    target = workspace.take("pairs too", count, np.uint64)
    order = workspace.take("order", count, np.int32)
    if count == 0:
        return order
    lowest, highest = np.empty(threads, np.uint32), np.empty(threads, np.uint32)
    _pair(splats.keys, splats.rows, pairs, lowest, highest, threads)
    low = np.uint64(lowest.min())
    bits = int(highest.max() - lowest.min()).bit_length()
    passes = max(1, -(-bits // DIGIT_BITS))
    digit = max(1, -(-bits // passes))
    counts = workspace.take("digit counts", (threads, 1 << digit), np.int64)
    for number in range(passes):
        shift = np.uint64(number * digit)
        _count(pairs, low, shift, counts, threads)
        _scan(counts)
        _scatter(pairs, target, low, shift, counts, threads)
        pairs, target = target, pairs
    _write_rows(pairs, splats.records.view(np.int32)[:, SOURCE], order, threads)
    return order
