"""What grids need of sixteen-lane vectors and :mod:`kernels.simd` does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, errors, types

from kernels.simd import (
    LANES,
    f32x16,
    full,
    full_int,
    i32x16,
    intrinsic,
    maximum,
    select,
    to_int,
)

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_FLOAT = ir.FloatType()
_WHOLE = ir.VectorType(_I32, LANES)
_DOUBLE = ir.VectorType(ir.DoubleType(), LANES)


@intrinsic
def times(typing: Any, x: Any, factor: Any) -> Any:
    """Int32 lanes times the low 32 bits of a scalar, wrapping around."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.mul(args[0], _splat(builder, _low(context, builder, sig, args, 1), _WHOLE))

    return i32x16(x, factor), emit


@intrinsic
def plus(typing: Any, x: Any, term: Any) -> Any:
    """Int32 lanes plus the low 32 bits of a scalar, wrapping around."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.add(args[0], _splat(builder, _low(context, builder, sig, args, 1), _WHOLE))

    return i32x16(x, term), emit


@intrinsic
def exclusive_or(typing: Any, x: Any, y: Any) -> Any:
    """Bits that differ, of two vectors of int32 lanes."""
    return i32x16(x, y), lambda context, builder, sig, args: builder.xor(*args)


@intrinsic
def nearest_whole(typing: Any, x: Any) -> Any:
    """The nearest whole number per lane, halves to even."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(f32x16.llvm, [f32x16.llvm])
        name = "llvm.roundeven.v16f32"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, args)

    return f32x16(x), emit


_BEYOND = np.float32(2.0**31)


@njit(inline="always")
def saturated(x):
    """Float lanes towards zero to int32, the nearest one beyond its range, 0 for NaN.

    LLVM's own saturating conversion goes lane by lane.
    """
    x = maximum(full(-_BEYOND), x)
    whole = to_int(select(x < _BEYOND, x, full(np.float32(0))))
    return select(x >= _BEYOND, full_int(np.int32(2**31 - 1)), whole)


@intrinsic
def modulo(typing: Any, x: Any, divisor: Any, inverse: Any) -> Any:
    """Uint32 lanes modulo a scalar; ``inverse`` is 1 / divisor in float64.

    The quotient of ``x + 0.5`` is at least ``0.5 / divisor`` away from whole numbers, and its
    error in float64 is below ``2^-19 / divisor``, so that its whole part is exact.
    """

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        half = ir.Constant(_DOUBLE, [0.5] * LANES)
        middle = builder.fadd(builder.uitofp(args[0], _DOUBLE), half)
        factor = context.cast(builder, args[2], sig.args[2], types.float64)
        quotient = builder.fmul(middle, _splat(builder, factor, _DOUBLE))
        whole = builder.fptoui(quotient, _WHOLE)
        by = _splat(builder, _low(context, builder, sig, args, 1), _WHOLE)
        return builder.sub(args[0], builder.mul(whole, by))

    return i32x16(x, divisor, inverse), emit


def _splat(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, value, _I32(0))
    zeros = ir.Constant(ir.VectorType(_I32, vector.count), None)
    return builder.shuffle_vector(one, undefined, zeros)


def _low(context: Any, builder: ir.IRBuilder, sig: Any, args: Any, number: int) -> ir.Value:
    wide = context.cast(builder, args[number], sig.args[number], types.int64)
    return builder.trunc(wide, _I32)


@intrinsic
def blend(
    typing: Any,
    table: Any,
    table_at: Any,
    features: Any,
    entries: Any,
    weights: Any,
    at: Any,
    count: Any,
    out: Any,
    out_at: Any,
    together: Any,
    width: Any,
) -> Any:
    """The sum of ``count`` weighted rows of a table, for one sample and ``width`` features.

    Row e begins at ``table_at + e features``; e is uint32 ``at + 16 k`` of ``entries``, and its
    weight stands in the same place of ``weights``, for k below ``count``, a multiple of
    ``together``. All are pointers; the last two arguments are literals.
    """
    if not all(isinstance(kind, types.IntegerLiteral) for kind in (together, width)):
        raise errors.TypingError("together and width must be literals")
    step, lanes = int(together.literal_value), int(width.literal_value)
    vector = ir.VectorType(_FLOAT, lanes)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def integer(number: int) -> ir.Value:
            return context.cast(builder, args[number], sig.args[number], types.int64)

        rows = builder.gep(args[0], [integer(1)])
        stride, place, number = integer(2), integer(5), integer(6)
        target = builder.gep(args[7], [integer(8)])
        kind = ir.FunctionType(vector, [vector] * 3)
        name = f"llvm.fma.v{lanes}f32"
        fma = cgutils.get_or_insert_function(builder.module, kind, name)
        before, loop = builder.block, builder.append_basic_block("corners")
        after = builder.append_basic_block("blended")
        builder.branch(loop)
        builder.position_at_end(loop)
        left, here, total = builder.phi(_I64), builder.phi(_I64), builder.phi(vector)
        left.add_incoming(number, before)
        here.add_incoming(place, before)
        total.add_incoming(ir.Constant(vector, None), before)
        result = total
        for k in range(step):
            corner = builder.add(here, _I64(LANES * k))
            entry = builder.zext(builder.load(builder.gep(args[3], [corner])), _I64)
            address = builder.gep(rows, [builder.mul(entry, stride)])
            row = builder.load(builder.bitcast(address, vector.as_pointer()))
            row.align = 4
            weight = _splat(builder, builder.load(builder.gep(args[4], [corner])), vector)
            result = builder.call(fma, [weight, row, result])
        fewer = builder.sub(left, _I64(step))
        left.add_incoming(fewer, loop)
        here.add_incoming(builder.add(here, _I64(LANES * step)), loop)
        total.add_incoming(result, loop)
        builder.cbranch(builder.icmp_signed(">", fewer, _I64(0)), loop, after)
        builder.position_at_end(after)
        builder.store(result, builder.bitcast(target, vector.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.void(
        table, table_at, features, entries, weights, at, count, out, out_at, together, width
    ), emit
