"""The shapes that objectives promise each other."""

from __future__ import annotations

from torch import Tensor


def same_shape(student: Tensor, teacher: Tensor) -> None:
    """Raises ValueError unless both have one shape."""
    if student.shape != teacher.shape:
        raise ValueError(f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} differ in shape")


def has_dims(tensor: Tensor, dims: int, meaning: str) -> None:
    """Raises ValueError unless the tensor is, for example, two-dimensional: `[N, C]`."""
    if tensor.dim() != dims:
        raise ValueError(f"expected {meaning}, got {tuple(tensor.shape)}")


def same_positions(student: Tensor, teacher: Tensor, mask: Tensor) -> None:
    """Raises ValueError unless both are `[B, L, …]` over the mask's `[B, L]`."""
    for name, tensor in (("student", student), ("teacher", teacher)):
        if tensor.shape[:2] != mask.shape:
            raise ValueError(f"{name} {tuple(tensor.shape)} does not fit the mask {tuple(mask.shape)}")


def same_rows(student: Tensor, teacher: Tensor) -> None:
    """Raises ValueError unless both are matrices with one number of rows; widths may differ."""
    if student.dim() != 2 or teacher.dim() != 2 or len(student) != len(teacher):
        raise ValueError(
            f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} are not rows of one batch"
        )
