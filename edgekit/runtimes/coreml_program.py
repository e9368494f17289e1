"""A Core ML package as a program to look into, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.quiet import hush, quiet

if TYPE_CHECKING:
    from edgekit.mil import Model


def open_program(path: Path) -> Model:
    """Opens a package for execution by reference semantics.

    Raises:
        ModelError: there is none, it is damaged, or it holds no ML Program.
        MissingExtra: coremltools is not installed.
    """
    hush()
    with quiet():
        from edgekit import mil

        return mil.load(path)


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
