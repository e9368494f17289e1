"""Checks what a caller gives, and converts it to tensors; converts what comes out to numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from edgekit.errors import ModelError
from edgekit.mil.call import Value
from edgekit.mil.describe import Feature, FunctionDescription

PIL_MODES = {"RGB": "RGB", "BGR": "RGB", "GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}


def take(description: FunctionDescription, given: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """One tensor per input of the function.

    Args:
        description: the function's interface.
        given: input name → array, tensor or number; for an image input a PIL image, or an array `[H, W, 3]`
            (RGB) or `[H, W]`, with values from 0 to 255.

    Raises:
        ModelError: an input is missing, unknown, or has a shape, type or range that the model doesn't take.
    """
    unknown = [name for name in given if name not in description.inputs]
    missing = [n for n, f in description.inputs.items() if n not in given and f.default is None]
    if unknown or missing:
        wrong = [f"{name!r} is not an input" for name in unknown] + [f"{n!r} is missing" for n in missing]
        raise ModelError(
            f"The inputs of {description.name!r} don't fit: {'; '.join(wrong)}.",
            remedy=f"Give exactly: {', '.join(description.inputs)}.",
        )
    return {
        name: _take_one(feature, given[name]) if name in given else _default(feature)
        for name, feature in description.inputs.items()
    }


def _take_one(feature: Feature, value: Any) -> torch.Tensor:
    if feature.kind == "image":
        array = _image_array(feature, value)
    elif feature.kind == "tensor":
        array = _array(feature, value)
    else:
        raise ModelError(
            f"The input {feature.name!r} is neither a tensor nor an image, which ML Programs don't take.",
            remedy="Convert the model with tensor or image inputs.",
        )
    if not feature.accepts(array.shape):
        raise ModelError(
            f"The input {feature.name!r} has shape {list(array.shape)}; the model takes {feature.allowed}.",
            remedy="Reshape or pad the input, or convert the model with flexible shapes.",
        )
    return torch.from_numpy(np.ascontiguousarray(array))


def _default(feature: Feature) -> torch.Tensor:
    return torch.full(feature.shape, feature.default or 0.0, dtype=torch.float32)


def _array(feature: Feature, value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = (
            value.detach().cpu().float().numpy()
            if value.dtype == torch.bfloat16
            else value.detach().cpu().numpy()
        )
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ModelError(
            f"The input {feature.name!r} holds {array.dtype}, not numbers.",
            remedy="Give an array of numbers.",
        )
    declared = np.dtype(feature.dtype)
    if declared.kind == "f":
        # Half precision is the executor's to round, or to leave.
        return array.astype(np.float32)
    limits = np.iinfo(declared)
    whole = array.dtype.kind != "f" or bool(np.all(np.isfinite(array)) and np.all(array == np.trunc(array)))
    if not whole or (array.size and (array.min() < limits.min or array.max() > limits.max)):
        raise ModelError(
            f"The input {feature.name!r} must hold whole numbers that fit {declared}.",
            remedy="Round or clip the values before predicting.",
        )
    return array.astype(declared)


def _image_array(feature: Feature, value: Any) -> np.ndarray:
    """`[1, C, H, W]`, C in the order that the model was converted for.

    An ML Program carries its scale and bias as operations; Core ML hands it the plain pixels.
    """
    if hasattr(value, "convert") and hasattr(value, "mode"):
        wanted = PIL_MODES[feature.colors]
        if value.mode != wanted:
            raise ModelError(
                f"The image input {feature.name!r} takes PIL mode {wanted!r}; the image has {value.mode!r}.",
                remedy=f"Convert it first: image.convert({wanted!r}).",
            )
    pixels = np.asarray(value).astype(np.float32)
    channels = feature.shape[1]
    if pixels.ndim == 4 and pixels.shape[1] == channels:
        return pixels
    if pixels.ndim == 2 and channels == 1:
        return pixels[None, None]
    if pixels.ndim != 3 or pixels.shape[2] != channels:
        raise ModelError(
            f"The image input {feature.name!r} can't be made of an array of shape {list(pixels.shape)}.",
            remedy="Give a PIL image, or an array [H, W, 3] in RGB order ([H, W] for grayscale).",
        )
    if feature.colors == "BGR":
        pixels = pixels[:, :, ::-1]
    return pixels.transpose(2, 0, 1)[None]


def give(feature: Feature | None, value: Value, *, rounded: bool) -> Any:
    """What the caller gets: an array in the declared type, a label, or a dictionary of probabilities.

    An unrounded result stays float32. An image comes as uint8 `[H, W, 3]` in RGB order, or `[H, W]`.
    """
    if not isinstance(value, torch.Tensor):
        return value
    array = value.detach().numpy()
    if feature is None:
        return array.copy()
    if feature.kind == "image":
        pixels = np.clip(np.rint(array[0]), 0, 255).astype(np.uint8).transpose(1, 2, 0)
        if feature.colors == "BGR":
            pixels = pixels[:, :, ::-1]
        return np.ascontiguousarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    dtype = feature.dtype if rounded or feature.dtype != "float16" else "float32"
    # A copy: a result must not change when a state or a weight that it views does.
    return array.astype(dtype or array.dtype)
