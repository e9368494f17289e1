"""`edgekit quantize`: compressed copies that pay, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgekit.cli import console
from edgekit.cli.datafile import data_options, labelled_file
from edgekit.cli.export import compression, compression_options, finish
from edgekit.cli.options import json_option, keep_rejected_option, out_option, quiet_option


@click.command(short_help="Make compressed copies of a model: int8, 4 bits, palettes …")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--target",
    "-t",
    "targets",
    multiple=True,
    help="onnx, onnxruntime or coreml; repeatable. [default: the exported file's, else onnx]",
)
@compression_options(default="int8, or mixed alone with --mixed")
@out_option(help="Results folder. [default: exported/<model's name>]")
@data_options(required=False)
@click.option(
    "--metric-drop",
    type=click.FloatRange(0, 100),
    help="Points each may lose. [default: 1 for 8 and 6 bits and mixed, 2 for 4 bits and sparse]",
)
@click.option("--allow-slower", is_flag=True, help="Keep it even if it is slower than what it replaces.")
@keep_rejected_option
@json_option
@quiet_option
def command(
    model: Path,
    targets: tuple[str, ...],
    precisions: tuple[str, ...],
    out: Path | None,
    data: Path | None,
    text_column: str,
    pair_column: str | None,
    label_column: str,
    label_separator: str | None,
    metric_drop: float | None,
    allow_slower: bool,
    keep_rejected: bool,
    as_json: bool,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Compress the weights of MODEL (a model folder, or a file exported from one).

    A copy is kept only if it loses no more than its gates allow, and an ONNX copy only if it is faster than
    what it replaces; otherwise it moves to rejected/ and the command exits with 9.

    \b
    Precisions of onnx and onnxruntime:
      int8                                 dynamic: activations as they come
      int8-static                          activations in calibrated ranges
      int8-smooth                          dynamic, outliers moved into the weights
      fp16                                 for GPUs and NPUs
      mixed                                for each weight what pays, by its measured effect
    Of onnxruntime alone:
      int8-table4, int8-static-table4      int8 or int8-static, the word table in 4 bits
      int8-weights                         8 bits a weight, a scale per block
      int4, int4-hqq, int4-gptq            4 bits a weight, a scale per block

    \b
    Precisions of coreml (those of iOS18 need --minimum-deployment-target iOS18):
      int8                                 linear, a scale per channel
      int8-static                          int8, and activations in ranges learned in training
      int4                                 linear, a scale per block; iOS18 for coreml
      palette8, palette6, palette4         k-means, a table per tensor
      palette6-grouped, palette4-grouped   k-means, a table per group of channels; iOS18
      palette4-int8                        k-means, the table in int8; iOS18
      sparse30, sparse50                   the smallest 30 or 50 % are zero
      sparse50-int8, sparse50-palette6     the same, the others compressed; iOS18
      mixed                                for each weight what pays, by its measured effect

    \b
    Examples:
      edgekit quantize my-model --data test.csv
      edgekit quantize my-model -t onnxruntime -p int4,int8-table4 --data test.csv
      edgekit quantize my-model -t coreml --precision palette6,palette4 --data test.csv
      edgekit quantize my-model -t coreml --mixed --max-bytes 6MB --data test.csv
      edgekit quantize my-model -t coreml -p int4 --minimum-deployment-target iOS18
      edgekit quantize exported/movie-reviews/student/onnx/model.onnx --data test.csv --out quantized
    """
    from edgekit.api import quantize_model
    from edgekit.recipe.schema import Gates
    from edgekit.recipe.schema.precisions import COMPRESSED

    console.start(quiet=quiet, as_json=as_json)
    default = {".mlpackage": "coreml"}.get(model.suffix, "onnx")
    if model.suffix == ".onnx" and model.absolute().parent.name == "onnxruntime":
        default = "onnxruntime"
    precisions, options = compression(precisions, chosen)
    built = quantize_model(
        model,
        targets=targets or (default,),
        precisions=precisions or ("int8",),
        out=out,
        data=labelled_file(data, text_column, pair_column, label_column, label_separator),
        gates=Gates(
            metric_drop={} if metric_drop is None else dict.fromkeys(COMPRESSED, metric_drop),
            not_slower=not allow_slower,
            keep_rejected=keep_rejected,
        ),
        **options,
    )
    return finish(built, as_json=as_json, keep_rejected=keep_rejected)
