"""The inner product of a network: a few rows of samples times a few vectors of outputs.

All sums of a tile stay in registers while the loop runs over the inputs. One step loads sixteen
weights per vector and one value per row, so that most of what it does is multiplication: 24 of
them for 10 loads with six rows and four vectors.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, errors, types

from kernels.simd import CAN_PERMUTE, LANES, intrinsic

WIDEST = 4 if CAN_PERMUTE else 1
"""Vectors of a tile. Its sums fill 24 of 32 registers where a register holds a vector, 12 of 16
where two hold one; permuting within 32 values is told of the same processors."""
ROWS = 6
"""Rows of a tile of two vectors and more."""
ROWS_OF_ONE = 2 * ROWS if CAN_PERMUTE else ROWS
"""Rows of a tile of one vector: as many sums as multiplications are under way at a time."""

LINEAR, DISTANCE = 0, 1

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_REACH = 3
"""Rows that one pointer reaches: an address is a pointer plus 0, 1 or 2 strides."""


def _splat(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    one = builder.insert_element(undefined, value, _I32(0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(_I32, LANES), None))


def _load(builder: ir.IRBuilder, address: ir.Value) -> ir.Value:
    value = builder.load(builder.bitcast(address, _VECTOR.as_pointer()))
    value.align = 4
    return value


def _store(builder: ir.IRBuilder, value: ir.Value, address: ir.Value) -> None:
    builder.store(value, builder.bitcast(address, _VECTOR.as_pointer())).align = 4


def _literal(value: Any) -> int:
    if not isinstance(value, types.IntegerLiteral):
        raise errors.TypingError("rows, vectors and kind must be literals")
    return int(value.literal_value)


@intrinsic
def tile(
    typing: Any,
    memory: Any,
    x_at: Any,
    x_stride: Any,
    depth: Any,
    packed: Any,
    weights_at: Any,
    extra_at: Any,
    floor: Any,
    out_at: Any,
    out_stride: Any,
    rows: Any,
    vectors: Any,
    kind: Any,
) -> Any:
    """``rows`` times 16 ``vectors`` results of one layer.

    ``memory`` (a pointer to float32) has the first row of ``depth`` values from ``x_at`` on and
    gets the results from ``out_at`` on; strides are in floats. ``packed`` (another) has (depth, 16
    vectors) weights without gaps from ``weights_at`` on and 16 ``vectors`` numbers from
    ``extra_at`` on. LINEAR sums products onto those; DISTANCE sums squared differences and
    multiplies with them. What is below ``floor`` becomes ``floor``; NaN stays. ``depth`` is above
    0, and ``rows``, ``vectors`` and ``kind`` are literals.
    """
    height, width, is_distance = _literal(rows), _literal(vectors), _literal(kind) == DISTANCE

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def integer(number: int) -> ir.Value:
            return context.cast(builder, args[number], sig.args[number], types.int64)

        start = builder.gep(args[0], [integer(1)])
        x_step, count = integer(2), integer(3)
        wanted = builder.gep(args[4], [integer(5)])
        more = builder.gep(args[4], [integer(6)])
        least, target, out_step = args[7], builder.gep(args[0], [integer(8)]), integer(9)
        name = "llvm.fma.v16f32"
        kind_of = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind_of, name)

        def row(base: ir.Value, number: int, stride: ir.Value) -> ir.Value:
            return builder.gep(base, [builder.mul(_I64(number), stride)])

        extras = [_load(builder, builder.gep(more, [_I64(LANES * v)])) for v in range(width)]
        zero = ir.Constant(_VECTOR, None)
        bases = [row(start, first, x_step) for first in range(0, height, _REACH)]
        before, loop = builder.block, builder.append_basic_block("depth")
        after = builder.append_basic_block("store")
        builder.branch(loop)
        builder.position_at_end(loop)

        left = builder.phi(_I64)
        pointers = [builder.phi(base.type) for base in (*bases, wanted)]
        sums = [[builder.phi(_VECTOR) for _ in range(width)] for _ in range(height)]
        left.add_incoming(count, before)
        for pointer, first in zip(pointers, (*bases, wanted), strict=True):
            pointer.add_incoming(first, before)
        columns = [
            _load(builder, builder.gep(pointers[-1], [_I64(LANES * v)])) for v in range(width)
        ]
        results = []
        for r in range(height):
            address = row(pointers[r // _REACH], r % _REACH, x_step)
            value = _splat(builder, builder.load(address))
            for v in range(width):
                sums[r][v].add_incoming(zero if is_distance else extras[v], before)
                one, other = value, columns[v]
                if is_distance:
                    one = other = builder.fsub(value, columns[v])
                results.append(builder.call(fma, [one, other, sums[r][v]]))
                sums[r][v].add_incoming(results[-1], loop)
        for pointer, step in zip(pointers, [1] * len(bases) + [LANES * width], strict=True):
            pointer.add_incoming(builder.gep(pointer, [_I64(step)]), loop)
        fewer = builder.sub(left, _I64(1))
        left.add_incoming(fewer, loop)
        builder.cbranch(builder.icmp_signed("!=", fewer, _I64(0)), loop, after)

        builder.position_at_end(after)
        lowest = _splat(builder, least)
        for index, result in enumerate(results):
            r, v = divmod(index, width)
            if is_distance:
                result = builder.fmul(result, extras[v])
            result = builder.select(builder.fcmp_ordered("<", result, lowest), lowest, result)
            place = builder.gep(row(target, r, out_step), [_I64(LANES * v)])
            _store(builder, result, place)
        return context.get_dummy_value()

    return types.void(
        memory, x_at, x_stride, depth, packed, weights_at, extra_at, types.float32, out_at,
        out_stride, rows, vectors, kind,
    ), emit  # fmt: skip
