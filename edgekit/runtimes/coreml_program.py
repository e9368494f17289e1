"""A Core ML package as a program to look into, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.quiet import hush, quiet

if TYPE_CHECKING:
    from edgekit.mil import Model


DECODE = "decode"  # the function that some decoders' packages have for a single new token


def open_program(path: Path, *, function_name: str | None = None) -> Model:
    """Opens a package for execution by reference semantics.

    Args:
        function_name: which function predicts; the package's own default when None.

    Raises:
        ModelError: there is none, it is damaged, it holds no ML Program, or no such function.
        MissingExtra: coremltools is not installed.
    """
    hush()
    with quiet():
        from edgekit import mil

        return mil.load(path, function_name=function_name)


def coreml_spec(path: Path) -> Any:
    """A package's `Model` proto, read without coremltools' own opening, which follows whatever it finds.

    Raises:
        As `open_program`.
    """
    hush()
    with quiet():
        from edgekit import mil

        return mil.read_spec(path)


def coreml_metadata(path: Path) -> Mapping[str, str]:
    """What a package's writer put into its metadata.

    Raises:
        As `open_program`.
    """
    return dict(coreml_spec(path).description.metadata.userDefined)
