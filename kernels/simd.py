"""Sixteen-lane vectors for Numba kernels.

LLVM's auto-vectoriser gives up on loops with early exits, masks or compaction, so the hot kernels
say what they mean: :data:`f32x16`, :data:`i32x16` and :data:`mask16` are Numba types that hold one
``<16 x float>``, ``<16 x i32>`` or ``<16 x i1>`` value, with the usual operators. LLVM lowers them
to one AVX-512 register, two AVX2 registers or four NEON/SSE ones, so the same kernel runs on any
machine. Everything here works inside ``@njit`` code only.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, errors, types
from numba.core.extending import intrinsic as _intrinsic
from numba.core.extending import (
    lower_builtin,
    models,
    register_model,
    type_callable,
)
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

LANES = 16

# Called from compiled code only, with other arguments than the Python function has.
intrinsic: Any = _intrinsic

_F32 = ir.VectorType(ir.FloatType(), LANES)
_I32 = ir.VectorType(ir.IntType(32), LANES)
_I1 = ir.VectorType(ir.IntType(1), LANES)


class Vector(types.Type):
    """The Numba type of one sixteen-lane value."""

    def __init__(self, name: str, llvm: ir.VectorType) -> None:
        self.llvm = llvm
        super().__init__(name=name)


class F32x16(Vector):
    """Type of sixteen float32."""


class I32x16(Vector):
    """Type of sixteen int32."""


class Mask16(Vector):
    """Type of sixteen booleans."""


f32x16 = F32x16("f32x16", _F32)
i32x16 = I32x16("i32x16", _I32)
mask16 = Mask16("mask16", _I1)


class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.llvm)


class _MaskModel(_VectorModel):
    """Masks live in variables as ``<16 x i1>``, which LLVM keeps in a mask register."""


register_model(F32x16)(_VectorModel)
register_model(I32x16)(_VectorModel)
register_model(Mask16)(_MaskModel)


def _broadcast(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
    return builder.shuffle_vector(one, undefined, zeros)


def _as_vector(context: Any, builder: ir.IRBuilder, value: ir.Value, kind: Any, to: Vector) -> Any:
    """Bring a scalar operand to the vector type of its partner."""
    if isinstance(kind, Vector):
        return value
    scalar = types.float32 if isinstance(to, F32x16) else types.int32
    return _broadcast(builder, context.cast(builder, value, kind, scalar), to.llvm)


def _binary(function: Any, emit: dict[type, Any], result: Any = None) -> None:
    """Define an operator for two vectors, or a vector and a scalar, lane by lane."""

    class Typer(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            vector = next((a for a in args if type(a) in emit), None)
            if vector is None or len(args) != 2:
                return None
            for other in args:
                if isinstance(other, Vector) and type(other) is not type(vector):
                    return None
                if not isinstance(other, Vector | types.Number):
                    return None
            return signature(result or vector, *args)

    infer_global(function)(Typer)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = next(a for a in sig.args if isinstance(a, Vector))
        left, right = (
            _as_vector(context, builder, value, kind, vector)
            for value, kind in zip(args, sig.args, strict=True)
        )
        return emit[type(vector)](builder, left, right)

    for kind in emit:
        lower_builtin(function, kind, kind)(lower)
        if kind is not Mask16:
            lower_builtin(function, kind, types.Number)(lower)
            lower_builtin(function, types.Number, kind)(lower)


_FAST = ("contract", "nsz")


def _float_op(name: str) -> Any:
    return lambda b, x, y: getattr(b, name)(x, y, flags=_FAST)


def _float_compare(sign: str) -> Any:
    return lambda b, x, y: b.fcmp_ordered(sign, x, y)


def _int_compare(sign: str) -> Any:
    return lambda b, x, y: b.icmp_signed(sign, x, y)


_binary(operator.add, {F32x16: _float_op("fadd"), I32x16: lambda b, x, y: b.add(x, y)})
_binary(operator.sub, {F32x16: _float_op("fsub"), I32x16: lambda b, x, y: b.sub(x, y)})
_binary(operator.mul, {F32x16: _float_op("fmul"), I32x16: lambda b, x, y: b.mul(x, y)})
_binary(operator.truediv, {F32x16: _float_op("fdiv")})
_binary(operator.lshift, {I32x16: lambda b, x, y: b.shl(x, y)})
_binary(operator.rshift, {I32x16: lambda b, x, y: b.lshr(x, y)})
_binary(
    operator.and_,
    {I32x16: lambda b, x, y: b.and_(x, y), Mask16: lambda b, x, y: b.and_(x, y)},
)
_binary(
    operator.or_,
    {I32x16: lambda b, x, y: b.or_(x, y), Mask16: lambda b, x, y: b.or_(x, y)},
)
for _function, _sign in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
):
    _binary(_function, {F32x16: _float_compare(_sign), I32x16: _int_compare(_sign)}, mask16)


@type_callable(operator.neg)
def _type_negate(context: Any) -> Any:
    return lambda value: f32x16 if isinstance(value, F32x16) else None


@lower_builtin(operator.neg, F32x16)
def _lower_negate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.fneg(args[0])


@type_callable(operator.invert)
def _type_invert(context: Any) -> Any:
    return lambda value: mask16 if isinstance(value, Mask16) else None


@lower_builtin(operator.invert, Mask16)
def _lower_invert(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.not_(args[0])


def _pointer(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, itype: Any
) -> Any:
    """Address of element ``index`` of a C-contiguous array, without bounds or wraparound."""
    offset = context.cast(builder, index, itype, types.intp)
    if isinstance(array_type, types.CPointer):
        return builder.gep(array, [offset])
    struct = context.make_array(array_type)(context, builder, array)
    return builder.gep(struct.data, [offset])


def _vector_of(dtype: Any) -> Any:
    known = {types.float32: f32x16, types.int32: i32x16, types.uint32: i32x16}
    if dtype not in known:
        raise errors.TypingError(f"vectors are of float32 or int32, not {dtype}")
    return known[dtype]


@intrinsic
def pointer(typing: Any, array: Any) -> Any:
    """The first element of a C-contiguous array, for everything here that takes an array.

    Arrays that are handed to inlined functions with branches are counted, by atomic additions in
    the innermost loop; pointers are not. The array must be kept by somebody meanwhile.
    """

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), emit


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """Sixteen elements of a contiguous float32 or int32 array from flat position ``index``."""
    vector = _vector_of(array.dtype)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        vector_address = builder.bitcast(address, vector.llvm.as_pointer())
        value = builder.load(vector_address)
        value.align = 4
        return value

    return vector(array, index), emit


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write sixteen lanes to a contiguous array from flat position ``index``."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        vector_address = builder.bitcast(address, sig.args[2].llvm.as_pointer())
        written = builder.store(args[2], vector_address)
        written.align = 4
        return context.get_dummy_value()

    return types.void(array, index, value), emit


@intrinsic
def store_quarter(typing: Any, array: Any, index: Any, value: Any, quarter: Any) -> Any:
    """Write four neighbouring lanes, from ``4 quarter``, to four elements from flat ``index``."""
    if not isinstance(quarter, types.IntegerLiteral):
        raise errors.TypingError("quarter must be a literal 0..3")
    first = 4 * quarter.literal_value

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), 4), [first + i for i in range(4)])
        part = builder.shuffle_vector(args[2], ir.Constant(sig.args[2].llvm, ir.Undefined), lanes)
        address = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        written = builder.store(part, builder.bitcast(address, part.type.as_pointer()))
        written.align = 4
        return context.get_dummy_value()

    return types.void(array, index, value, quarter), emit


@intrinsic
def full(typing: Any, value: Any) -> Any:
    """Sixteen copies of a scalar, as float32 lanes."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        scalar = context.cast(builder, args[0], sig.args[0], types.float32)
        return _broadcast(builder, scalar, _F32)

    return f32x16(value), emit


@intrinsic
def full_int(typing: Any, value: Any) -> Any:
    """Sixteen copies of a scalar, as int32 lanes."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        scalar = context.cast(builder, args[0], sig.args[0], types.int32)
        return _broadcast(builder, scalar, _I32)

    return i32x16(value), emit


@intrinsic
def lane_index(typing: Any) -> Any:
    """0, 1, ..., 15 as int32 lanes."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(_I32, [ir.Constant(ir.IntType(32), i) for i in range(LANES)])

    return i32x16(), emit


def _call(name: str, result: ir.Type, operands: int, typed: Vector) -> Any:
    """An intrinsic that is one LLVM vector intrinsic of ``operands`` equal arguments."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(result, [result] * operands)
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        values = [
            _as_vector(context, builder, value, given, typed)
            for value, given in zip(args, sig.args, strict=True)
        ]
        return builder.call(function, values)

    return emit


@intrinsic
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """``x * y + z`` in one rounding; scalars are broadcast."""
    return f32x16(x, y, z), _call("llvm.fma.v16f32", _F32, 3, f32x16)


@intrinsic
def sqrt(typing: Any, x: Any) -> Any:
    """Square root per lane."""
    return f32x16(x), _call("llvm.sqrt.v16f32", _F32, 1, f32x16)


@intrinsic
def floor(typing: Any, x: Any) -> Any:
    """Largest whole number not above, per lane."""
    return f32x16(x), _call("llvm.floor.v16f32", _F32, 1, f32x16)


@intrinsic
def absolute(typing: Any, x: Any) -> Any:
    """Absolute value per lane."""
    return f32x16(x), _call("llvm.fabs.v16f32", _F32, 1, f32x16)


def _select_by(sign: str) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = next(a for a in sig.args if isinstance(a, Vector))
        left, right = (
            _as_vector(context, builder, value, kind, vector)
            for value, kind in zip(args, sig.args, strict=True)
        )
        if isinstance(vector, F32x16):
            chosen = builder.fcmp_ordered(sign, left, right)
        else:
            chosen = builder.icmp_signed(sign, left, right)
        return builder.select(chosen, left, right)

    return emit


@intrinsic
def minimum(typing: Any, x: Any, y: Any) -> Any:
    """The smaller per lane; where one is not a number, ``y``."""
    return next(a for a in (x, y) if isinstance(a, Vector))(x, y), _select_by("<")


@intrinsic
def maximum(typing: Any, x: Any, y: Any) -> Any:
    """The larger per lane; where one is not a number, ``y``."""
    return next(a for a in (x, y) if isinstance(a, Vector))(x, y), _select_by(">")


@intrinsic
def select(typing: Any, mask: Any, yes: Any, no: Any) -> Any:
    """``yes`` where the mask is set, else ``no``; scalars are broadcast."""
    vector = next((a for a in (yes, no) if isinstance(a, Vector)), f32x16)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (
            _as_vector(context, builder, value, kind, vector)
            for value, kind in zip(args[1:], sig.args[1:], strict=True)
        )
        return builder.select(args[0], left, right)

    return vector(mask, yes, no), emit


@intrinsic
def to_bits(typing: Any, mask: Any) -> Any:
    """The mask as an unsigned number, lane 0 in bit 0."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(16)), ir.IntType(64))

    return types.uint64(mask), emit


@intrinsic
def float_bits(typing: Any, value: Any) -> Any:
    """The bit patterns of float32 lanes as int32 lanes."""
    return i32x16(value), lambda context, builder, sig, args: builder.bitcast(args[0], _I32)


@intrinsic
def bits_float(typing: Any, value: Any) -> Any:
    """Int32 lanes taken as the bit patterns of float32 lanes."""
    return f32x16(value), lambda context, builder, sig, args: builder.bitcast(args[0], _F32)


@intrinsic
def to_int(typing: Any, value: Any) -> Any:
    """Float lanes truncated towards zero to int32 lanes."""
    return i32x16(value), lambda context, builder, sig, args: builder.fptosi(args[0], _I32)


@intrinsic
def to_float(typing: Any, value: Any) -> Any:
    """Int32 lanes as float32 lanes."""
    return f32x16(value), lambda context, builder, sig, args: builder.sitofp(args[0], _F32)


@intrinsic
def store_bytes(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write the low byte of sixteen int32 lanes to a uint8 array from flat ``index``."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        small = ir.VectorType(ir.IntType(8), LANES)
        address = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        written = builder.store(
            builder.trunc(args[2], small), builder.bitcast(address, small.as_pointer())
        )
        written.align = 1
        return context.get_dummy_value()

    return types.void(array, index, value), emit


@intrinsic
def low_bytes(typing: Any, value: Any, half: Any) -> Any:
    """The low bytes of lanes 0-7 (``half`` 0) or 8-15 (``half`` 1) as one uint64."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        small = builder.trunc(args[0], ir.VectorType(ir.IntType(8), LANES))
        pair = builder.bitcast(small, ir.VectorType(ir.IntType(64), 2))
        position = context.cast(builder, args[1], sig.args[1], types.int32)
        return builder.extract_element(pair, position)

    return types.uint64(value, half), emit


def _can_permute() -> bool:
    """Whether one instruction picks any of 32 values in registers."""
    from llvmlite import binding
    from numba.core import config

    told: Any = config
    if told.CPU_NAME or told.CPU_FEATURES:
        return "+avx512f" in (told.CPU_FEATURES or "")
    return bool(binding.get_host_cpu_features().get("avx512f", False))


CAN_PERMUTE = _can_permute()


@intrinsic
def permute_pair(typing: Any, low: Any, high: Any, index: Any) -> Any:
    """For each lane one of the 32 values of two vectors of int32; only where CAN_PERMUTE."""
    name = "llvm.x86.avx512.vpermi2var.d.512"

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I32, _I32, _I32])
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, [args[0], args[2], args[1]])

    return i32x16(low, high, index), emit


@intrinsic
def lane_of(typing: Any, value: Any, lane: Any) -> Any:
    """One lane as a scalar."""
    scalar = types.float32 if isinstance(value, F32x16) else types.int32

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = context.cast(builder, args[1], sig.args[1], types.int32)
        return builder.extract_element(args[0], place)

    return scalar(value, lane), emit


@intrinsic
def load_pairs(typing: Any, array: Any, first: Any, offsets: Any) -> Any:
    """For every lane two neighbouring elements of a uint32 array, from flat ``first + offset``.

    Returns two vectors of int32 lanes. One load of eight bytes a lane, which is faster than what
    processors offer for gathering.
    """
    if array.dtype != types.uint32:
        raise errors.TypingError(f"pairs are of uint32, not {array.dtype}")

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        i64, wide = ir.IntType(64), ir.VectorType(ir.IntType(64), LANES)
        both = ir.Constant(wide, ir.Undefined)
        for number in range(LANES):
            lane = ir.Constant(ir.IntType(32), number)
            offset = builder.sext(builder.extract_element(args[2], lane), i64)
            address = builder.bitcast(builder.gep(start, [offset]), i64.as_pointer())
            value = builder.load(address)
            value.align = 4
            both = builder.insert_element(both, value, lane)
        shift = ir.Constant(wide, [ir.Constant(i64, 32)] * LANES)
        left, right = builder.trunc(both, _I32), builder.trunc(builder.lshr(both, shift), _I32)
        return context.make_tuple(builder, sig.return_type, [left, right])

    return types.UniTuple(i32x16, 2)(array, first, offsets), emit


@intrinsic
def count_trailing_zeros(typing: Any, value: Any) -> Any:
    """Index of the lowest set bit of a non-zero uint64."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), emit


@intrinsic
def count_ones(typing: Any, value: Any) -> Any:
    """Number of set bits of a uint64."""
    return types.uint64(types.uint64), lambda context, builder, sig, args: builder.ctpop(args[0])


@intrinsic
def fetch_add(typing: Any, array: Any, index: Any, amount: Any) -> Any:
    """Atomically add to one element of an int64 array; returns what was there before.

    Threads of one parallel kernel draw their next piece of work with it.
    """

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        value = context.cast(builder, args[2], sig.args[2], types.int64)
        return builder.atomic_rmw("add", address, value, "monotonic")

    return types.int64(array, index, amount), emit


@intrinsic
def prefetch(typing: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of a flat position; never faults, may do nothing."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _pointer(context, builder, sig.args[0], args[0], args[1], sig.args[1])
        i32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, i32, i32, i32])
        name = "llvm.prefetch.p0" if address.type.is_opaque else "llvm.prefetch.p0i8"
        if not address.type.is_opaque:
            address = builder.bitcast(address, ir.IntType(8).as_pointer())
            kind = ir.FunctionType(ir.VoidType(), [address.type, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        builder.call(function, [address, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.void(array, index), emit
