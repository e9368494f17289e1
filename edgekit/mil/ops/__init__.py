"""The one table of operations: MIL op type → kernel. One module per group of operations."""

from __future__ import annotations

from edgekit.mil.call import Kernel
from edgekit.mil.ops import (
    activation,
    attention,
    classify,
    constexpr,
    control_flow,
    conv,
    elementwise_binary,
    elementwise_unary,
    image_resizing,
    image_resizing_sampling,
    linear,
    normalization,
    pool,
    quantization,
    random,
    recurrent,
    reduction,
    scatter_gather,
    state,
    tensor_operation,
    tensor_operation_ranking,
    tensor_transformation,
    tensor_transformation_slicing,
)

GROUPS = (
    activation,
    attention,
    classify,
    constexpr,
    control_flow,
    conv,
    elementwise_binary,
    elementwise_unary,
    image_resizing,
    image_resizing_sampling,
    linear,
    normalization,
    pool,
    quantization,
    random,
    recurrent,
    reduction,
    scatter_gather,
    state,
    tensor_operation,
    tensor_operation_ranking,
    tensor_transformation,
    tensor_transformation_slicing,
)

OPS: dict[str, Kernel] = {name: kernel for group in GROUPS for name, kernel in group.OPS.items()}

if len(OPS) != sum(len(group.OPS) for group in GROUPS):
    raise ImportError("two groups of edgekit.mil.ops define the same operation")
