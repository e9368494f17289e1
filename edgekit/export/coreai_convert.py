"""One call of coreai-torch, of coreai-opt's quantizer, and of the writer of an `.aimodel`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgekit.errors import ExportError, first_line
from edgekit.files import atomic
from edgekit.quiet import hush, quiet

SMALL = 1024  # entries; a smaller weight stays as it is
_TABLES = frozenset({"coreai.gather_nd"})  # operations that read rows of a table


def decompositions() -> Mapping[Any, Any]:
    """What coreai-torch wants a traced program to be written in."""
    hush()
    with quiet():
        from coreai_torch import get_decomp_table

        return get_decomp_table()


def convert(
    program: Any, *, name: str, inputs: Sequence[str], outputs: Sequence[str], states: Sequence[str] = ()
) -> Any:
    """A traced program as a Core AI one, whose function is `main`.

    Args:
        program: from `torch.export`, in the operations of `decompositions`.
        name: the model's, for errors.
        states: buffers that it writes, in its own order.

    Raises:
        ExportError: an operation can't be converted.
    """
    hush()
    try:
        with quiet():
            from coreai_torch import TorchConverter

            # DEBUG, the default, writes the paths of this machine's source files into the asset.
            converter = TorchConverter(mode=TorchConverter.Mode.RELEASE)
            converter.add_exported_program(
                program,
                input_names=list(inputs),
                output_names=list(outputs),
                **({"state_names": list(states)} if states else {}),
            )
            return converter.to_coreai()
    except Exception as error:
        raise ExportError(
            f"{name} can't be converted for Core AI: {first_line(error)}",
            remedy="Export it to coreml or onnx instead.",
        ) from error


def compress(program: Any, precision: str, *, name: str, block_size: int) -> Any:
    """The program with its weights stored in fewer bits; arithmetic stays fp32.

    Args:
        precision: "int8", a scale per output channel; "int4", a scale per `block_size` inputs, and int8 for
            the tables of words, which 4 bits would spoil.

    Raises:
        ExportError: coreai-opt can't.
    """
    try:
        with quiet():
            from coreai_opt.coreai_utils import CompressionGranularity, DType, quantize_weights

            if precision == "int8":
                return quantize_weights(program, DType.INT8, weight_num_threshold=SMALL)
            with _read_by(_TABLES):
                program = quantize_weights(program, DType.INT8, weight_num_threshold=SMALL)
            return quantize_weights(  # what is int8 already is left alone
                program,
                DType.INT4,
                granularity=CompressionGranularity.PER_BLOCK,
                block_size=block_size,
                weight_num_threshold=SMALL,
            )
    except Exception as error:
        raise ExportError(
            f"{name}'s weights can't be stored in {precision} for Core AI: {first_line(error)}",
            remedy="Use fp32, or another block size.",
        ) from error


@contextmanager
def _read_by(operations: frozenset[str]) -> Iterator[None]:
    """Only weights that these operations read are compressed.

    coreai-opt has no setting for that; the extra pins its exact version.
    """
    from coreai_opt.coreai_utils.passes import weight_quantization

    every = weight_quantization._OPS_WEIGHT_NEED_COMPRESSION
    weight_quantization._OPS_WEIGHT_NEED_COMPRESSION = operations
    try:
        yield
    finally:
        weight_quantization._OPS_WEIGHT_NEED_COMPRESSION = every


def save_asset(program: Any, path: Path, *, description: str, told: Mapping[str, str]) -> None:
    """Writes an `.aimodel` folder atomically.

    Args:
        description: for a reader.
        told: keys and values of its metadata.
    """
    with quiet():
        from coreai.runtime import AIModelAssetMetadata

    metadata = AIModelAssetMetadata()
    metadata.model_description = description
    for key, value in told.items():
        metadata.set_custom(key, value)
    with atomic(path) as temporary, quiet():
        program.save_asset(temporary.absolute(), metadata=metadata)
