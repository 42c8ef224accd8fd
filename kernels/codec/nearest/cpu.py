"""The nearest centroid for the ``cpu`` backend.

Sixteen points lie in the lanes of a vector and eight centroids pass by at a time, so that a
product of a point and a centroid costs a sixteenth of an instruction per number and the best so
far never leaves its register. What is maximised is ``x.c - |c|^2 / 2``, which orders centroids as
the distance does.

Everything is turned to the principal axes of the centroids first. The leading axes carry nearly
all of the differences in real data, and what the others can add to a product is bounded by
``|x_rest| |c_rest|`` (Cauchy and Schwarz), so most centroids are dismissed after a quarter of
their numbers.

With a guess, points are visited cluster by cluster: first the centroids near enough to matter are
listed (bounds for sixteen centroids against all others), then the cluster's points, nearest
first, meet that list, shortened to what their own distance allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from kernels.codec.segments import segments
from kernels.simd import (
    LANES,
    count_trailing_zeros,
    fetch_add,
    fma,
    full,
    full_int,
    load,
    select,
    sqrt,
    store,
    to_bits,
)

_PRODUCTS = 4e9
"""Multiplications between two ticks, about 0.1 s."""

_HEAD_ENERGY = 0.95
"""Share of the spread of the centroids that the leading axes carry."""

# Bounds carry rounding errors; those that matter are far below this share.
_SLACK = np.float32(1.0005)


@dataclass(frozen=True)
class _Turned:
    """Centroids about their mean ``shift`` (D,), and turned to their principal axes.

    ``centers`` (K, D) before the turn; ``axes`` (D, D) has an axis in each column; ``turned``
    (K, D); ``half`` (K,) half the squared lengths; ``rest`` (K,) the lengths beyond the first
    ``head`` axes. All float32.
    """

    shift: NDArray[np.float32]
    centers: NDArray[np.float32]
    axes: NDArray[np.float32]
    turned: NDArray[np.float32]
    half: NDArray[np.float32]
    rest: NDArray[np.float32]
    head: int


def _turn(centroids: Any) -> _Turned:
    middle = np.asarray(centroids, np.float64)
    if not np.isfinite(middle).all():
        raise ValueError("centroids must be finite")
    shift = middle.mean(0).astype(np.float32)
    centers = middle - shift
    spread, axes = np.linalg.eigh(centers.T @ centers)
    spread, axes = spread[::-1], axes[:, ::-1]
    dims = len(spread)
    shares = np.cumsum(np.maximum(spread, 0)) / max(spread.sum(), 1e-300)
    head = int(min(dims, 4 * np.ceil((1 + np.searchsorted(shares, _HEAD_ENERGY)) / 4)))
    if head > 0.75 * dims:
        head = dims
    turned = centers @ axes
    half = 0.5 * (centers * centers).sum(1)
    rest = np.linalg.norm(turned[:, head:], axis=1) * float(_SLACK)
    return _Turned(
        shift,
        centers.astype(np.float32),
        np.ascontiguousarray(axes, np.float32),
        turned.astype(np.float32),
        half.astype(np.float32),
        rest.astype(np.float32),
        head,
    )


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _search(block, remains, dims, head, centers, half, rest, rows, last, best, index):
    """Sixteen points of ``block`` (D, 16) against the centroids ``rows[:last]``.

    ``remains`` are the lengths of the points beyond the first ``head`` numbers.
    """
    width, lanes = np.uint64(dims), np.uint64(LANES)
    i = 0
    while i + 8 <= last:
        u = np.uint64(i)
        r0, r1, r2, r3 = (rows[u], rows[u + np.uint64(1)], rows[u + np.uint64(2)],
                          rows[u + np.uint64(3)])  # fmt: skip
        r4, r5, r6, r7 = (rows[u + np.uint64(4)], rows[u + np.uint64(5)], rows[u + np.uint64(6)],
                          rows[u + np.uint64(7)])  # fmt: skip
        o0, o1, o2, o3 = (np.uint64(r0) * width, np.uint64(r1) * width, np.uint64(r2) * width,
                          np.uint64(r3) * width)  # fmt: skip
        o4, o5, o6, o7 = (np.uint64(r4) * width, np.uint64(r5) * width, np.uint64(r6) * width,
                          np.uint64(r7) * width)  # fmt: skip
        a0, a1 = full(-half[np.uint64(r0)]), full(-half[np.uint64(r1)])
        a2, a3 = full(-half[np.uint64(r2)]), full(-half[np.uint64(r3)])
        a4, a5 = full(-half[np.uint64(r4)]), full(-half[np.uint64(r5)])
        a6, a7 = full(-half[np.uint64(r6)]), full(-half[np.uint64(r7)])
        at, stop = 0, head
        while True:
            for axis in range(at, stop):
                d = np.uint64(axis)
                x = load(block, d * lanes)
                a0 = fma(x, full(centers[o0 + d]), a0)
                a1 = fma(x, full(centers[o1 + d]), a1)
                a2 = fma(x, full(centers[o2 + d]), a2)
                a3 = fma(x, full(centers[o3 + d]), a3)
                a4 = fma(x, full(centers[o4 + d]), a4)
                a5 = fma(x, full(centers[o5 + d]), a5)
                a6 = fma(x, full(centers[o6 + d]), a6)
                a7 = fma(x, full(centers[o7 + d]), a7)
            if stop == dims:
                best, index = _better(a0, r0, best, index)
                best, index = _better(a1, r1, best, index)
                best, index = _better(a2, r2, best, index)
                best, index = _better(a3, r3, best, index)
                best, index = _better(a4, r4, best, index)
                best, index = _better(a5, r5, best, index)
                best, index = _better(a6, r6, best, index)
                best, index = _better(a7, r7, best, index)
                break
            hopes = to_bits(fma(remains, full(rest[np.uint64(r0)]), a0) > best)
            hopes |= to_bits(fma(remains, full(rest[np.uint64(r1)]), a1) > best)
            hopes |= to_bits(fma(remains, full(rest[np.uint64(r2)]), a2) > best)
            hopes |= to_bits(fma(remains, full(rest[np.uint64(r3)]), a3) > best)
            hopes |= to_bits(fma(remains, full(rest[np.uint64(r4)]), a4) > best)
            hopes |= to_bits(fma(remains, full(rest[np.uint64(r5)]), a5) > best)
            hopes |= to_bits(fma(remains, full(rest[np.uint64(r6)]), a6) > best)
            hopes |= to_bits(fma(remains, full(rest[np.uint64(r7)]), a7) > best)
            if hopes == np.uint64(0):
                break
            at, stop = head, dims
        i += 8
    while i < last:
        row = rows[np.uint64(i)]
        a = full(-half[np.uint64(row)])
        for axis in range(dims):
            d = np.uint64(axis)
            a = fma(load(block, d * lanes), full(centers[np.uint64(row) * width + d]), a)
        best, index = _better(a, row, best, index)
        i += 1
    return best, index


@njit(nogil=True, error_model="numpy", inline="always")
def _better(value, row, best, index):
    larger = value > best
    return select(larger, value, best), select(larger, full_int(row), index)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _turn_block(raw, axes, dims, head, block):
    """Turn sixteen points (D, 16) to the axes; returns their lengths beyond the head."""
    flat = axes.reshape(-1)
    width, lanes = np.uint64(dims), np.uint64(LANES)
    square = full(np.float32(0.0))
    for out in range(dims):
        o = np.uint64(out)
        total = full(np.float32(0.0))
        for axis in range(dims):
            d = np.uint64(axis)
            total = fma(load(raw, d * lanes), full(flat[d * width + o]), total)
        store(block, o * lanes, total)
        if out >= head:
            square = fma(total, total, square)
    return sqrt(square) * full(_SLACK)


@njit(nogil=True, parallel=True, cache=True, error_model="numpy")
def _all_pairs(points, shift, axes, turned, half, rest, head, labels):
    """Every point against every centroid."""
    count, dims = points.shape
    flat = turned.reshape(-1)
    rows = np.arange(len(half)).astype(np.int32)
    for group in prange((count + LANES - 1) // LANES):
        first = group * LANES
        here = min(LANES, count - first)
        raw, block = np.zeros(dims * LANES, np.float32), np.empty(dims * LANES, np.float32)
        names = np.empty(LANES, np.int32)
        for lane in range(here):
            for d in range(dims):
                raw[d * LANES + lane] = points[first + lane, d] - shift[d]
        remains = _turn_block(raw, axes, dims, head, block)
        _best, index = _search(
            block, remains, dims, head, flat, half, rest, rows, len(half),
            full(np.float32(-np.inf)), full_int(np.int32(0)),
        )  # fmt: skip
        store(names, np.uint64(0), index)
        for lane in range(here):
            labels[first + lane] = names[lane]


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _square(points, p, shift, centers, j):
    """Squared distance of a point and a centroid."""
    total = np.float32(0.0)
    for d in range(points.shape[1]):
        error = (points[p, d] - shift[d]) - centers[j, d]
        total += error * error
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _list_near(first, turned, half, rest, head, limits, near, far, counts):
    """Centroids that may lie within the limits of the sixteen from ``first`` on.

    ``far`` is a bound from below of the squared distance: that of the leading axes, and the
    difference of the lengths in the others.
    """
    count, dims = turned.shape
    flat = turned.reshape(-1)
    width = np.uint64(dims)
    block, own = np.zeros(dims * LANES, np.float32), np.zeros(LANES, np.float32)
    tails, reach = np.zeros(LANES, np.float32), np.empty(LANES, np.float32)
    for lane in range(min(LANES, count - first)):
        own[lane] = half[first + lane]
        tails[lane] = rest[first + lane]
        for d in range(dims):
            block[d * LANES + lane] = turned[first + lane, d]
    counts[:] = 0
    limit, norm = load(limits, np.uint64(0)), load(own, np.uint64(0))
    tail = load(tails, np.uint64(0))
    for k in range(count):
        product = tail * full(rest[k])
        for axis in range(head):
            at = np.uint64(axis)
            c = full(flat[np.uint64(k) * width + at])
            product = fma(load(block, at * np.uint64(LANES)), c, product)
        distance = (norm + full(half[k]) - product) * full(np.float32(2.0))
        bits = to_bits(distance < limit)
        if bits != np.uint64(0):
            store(reach, np.uint64(0), distance)
        while bits != np.uint64(0):
            lane = count_trailing_zeros(bits)
            near[lane, counts[lane]] = k
            far[lane, counts[lane]] = reach[lane]
            counts[lane] += 1
            bits &= bits - np.uint64(1)


@njit(nogil=True, parallel=True, cache=True, error_model="numpy")
def _by_cluster(points, shift, centers, axes, turned, half, rest, head, order, starts, noise,
                labels, squares, ticket, end, threads):  # fmt: skip
    """Blocks of sixteen clusters from the ticket's number up to ``end``."""
    count, dims = centers.shape
    flat = turned.reshape(-1)
    for _worker in prange(threads):
        near, far = np.empty((LANES, count), np.int32), np.empty((LANES, count), np.float32)
        short = np.empty(count, np.int32)
        counts, limits = np.empty(LANES, np.int64), np.empty(LANES, np.float32)
        raw, block = np.zeros(dims * LANES, np.float32), np.empty(dims * LANES, np.float32)
        names, own = np.empty(LANES, np.int32), np.empty(1, np.int32)
        number = fetch_add(ticket, 0, 1)
        while number < end:
            base = number * LANES
            for lane in range(LANES):
                limits[lane] = np.float32(-1.0)
                if base + lane < count:
                    for i in range(starts[base + lane], starts[base + lane + 1]):
                        square = _square(points, order[i], shift, centers, base + lane)
                        squares[i] = square
                        limits[lane] = max(limits[lane], _limit(square, noise))
            _list_near(base, turned, half, rest, head, limits, near, far, counts)
            for lane in range(min(LANES, count - base)):
                j = base + lane
                first, last = starts[j], starts[j + 1]
                if last - first > LANES:
                    ranks = np.argsort(squares[first:last])
                    order[first:last] = order[first:last][ranks]
                    squares[first:last] = squares[first:last][ranks]
                single = last - first <= LANES
                while first < last:
                    here = min(LANES, last - first)
                    limit = limits[lane] if single else _limit(squares[first + here - 1], noise)
                    listed = 0
                    for i in range(counts[lane]):
                        short[listed] = near[lane, i]
                        listed += far[lane, i] < limit
                    for i in range(here):
                        for d in range(dims):
                            raw[d * LANES + i] = points[order[first + i], d] - shift[d]
                    remains = _turn_block(raw, axes, dims, head, block)
                    own[0] = j
                    best, index = _search(
                        block, remains, dims, dims, flat, half, rest, own, 1,
                        full(np.float32(-np.inf)), full_int(np.int32(j)),
                    )  # fmt: skip
                    best, index = _search(
                        block, remains, dims, head, flat, half, rest, short, listed, best, index
                    )
                    store(names, np.uint64(0), index)
                    for i in range(here):
                        labels[order[first + i]] = names[i]
                    first += here
            number = fetch_add(ticket, 0, 1)


@njit(nogil=True, error_model="numpy", inline="always")
def _limit(square, noise):
    """Squared distance of centroids from which on they cannot be nearer: ``(2 |x - c|)^2``."""
    return np.float32(4.0) * _SLACK * square + noise


@njit(nogil=True, parallel=True, cache=True, error_model="numpy")
def _squares(points, shift, centers, labels, squares):
    for i in prange(len(points)):
        squares[i] = _square(points, i, shift, centers, labels[i])


def run(
    points: Any, centroids: Any, guess: Any, tick: Any
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """See :func:`kernels.codec.nearest.nearest`."""
    turned = _turn(centroids)
    labels = np.empty(len(points), np.int32)
    squares = np.empty(len(points), np.float32)
    if guess is None:
        _brute(points, turned, labels, tick)
    else:
        _pruned(points, turned, guess, labels, squares, tick)
    _squares(points, turned.shift, turned.centers, labels, squares)
    return labels, squares


def _brute(points: Any, to: _Turned, labels: Any, tick: Any) -> None:
    rows = max(4096, int(_PRODUCTS / to.centers.size))
    for first in range(0, len(points), rows):
        here = slice(first, min(first + rows, len(points)))
        _all_pairs(
            points[here], to.shift, to.axes, to.turned, to.half, to.rest, to.head, labels[here]
        )
        tick(here.stop, len(points))


def _pruned(points: Any, to: _Turned, guess: Any, labels: Any, squares: Any, tick: Any) -> None:
    order, starts = segments(guess, len(to.centers))
    # What products of float32 may be wrong by: see the notes of the contract.
    noise = np.float32(1e-5 * float(to.half.max()) + 1e-30)
    blocks = (len(to.centers) + LANES - 1) // LANES
    threads = get_num_threads()
    mean = LANES * (1 + len(points) / len(to.centers)) * to.centers.size
    step = max(4 * threads, int(_PRODUCTS / mean))
    for first in range(0, blocks, step):
        end = min(first + step, blocks)
        _by_cluster(
            points, to.shift, to.centers, to.axes, to.turned, to.half, to.rest, to.head, order,
            starts, noise, labels, squares, np.full(1, first, np.int64), end, threads,
        )  # fmt: skip
        tick(end, blocks)
