"""A PyTorch module that a user names as `path/to/file.py:factory`. Its code runs: it is the user's own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError, first_line

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch, Signature


def names_module(against: str) -> bool:
    """Whether a reference is written as `file.py:factory`."""
    return ".py:" in against


def load_module(against: str) -> Any:
    """Calls the factory and returns its `torch.nn.Module`, in evaluation mode, on the CPU.

    Raises:
        ModelError: no such file or callable, it fails, or it returns something else.
    """
    import torch

    file, _, factory = against.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise ModelError(f"{path} does not exist.", remedy="Give path/to/file.py:factory.")
    made = getattr(_imported(path), factory, None)
    if not callable(made):
        raise ModelError(
            f"{path} has no function {factory!r}.", remedy="Name a callable that returns a torch.nn.Module."
        )
    try:
        module = made()
    except Exception as error:
        raise ModelError(
            f"{factory}() of {path} fails: {type(error).__name__}: {first_line(error)}",
            remedy="It is called without arguments and must return a torch.nn.Module.",
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ModelError(
            f"{factory}() of {path} returns {type(module).__name__}.",
            remedy="Return a torch.nn.Module that takes the package's inputs in their order.",
        )
    return module.to("cpu", torch.float32).eval()


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path} is no Python file.", remedy="Give path/to/file.py:factory.")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)  # for what the file imports from beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(
            f"{path} can't be imported: {type(error).__name__}: {first_line(error)}",
            remedy="It must run by itself, with what it imports installed.",
        ) from error
    finally:
        sys.path.remove(folder)
    return module


class ModuleRunner:
    """Runs a module that takes its inputs by position and returns its task's output.

    Args:
        signature: of the model that the module stands for; its first output names the result.
    """

    def __init__(self, module: Any, signature: Signature, *, name: str) -> None:
        self._module = module
        self.signature = signature
        self.name = name

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """See `Runner.run`."""
        import torch

        given = [
            torch.as_tensor(batch[spec.name], dtype=getattr(torch, spec.dtype))
            for spec in self.signature.inputs
        ]
        [first, *_] = outputs_of(self._module, given)
        return {self.signature.outputs[0].name: first}


def outputs_of(module: Any, given: list[Any]) -> list[np.ndarray]:
    """A module's outputs, in order, as arrays; of a dictionary or a dataclass its values.

    Raises:
        ModelError: the module doesn't take these inputs.
    """
    import torch

    try:
        with torch.inference_mode():
            result = module(*given)
    except Exception as error:
        shapes = ", ".join(f"{str(t.dtype).removeprefix('torch.')} {list(t.shape)}" for t in given)
        raise ModelError(
            f"The reference fails on the package's inputs ({shapes}): {first_line(error)}",
            remedy="It must take the package's inputs, in the package's order.",
        ) from error
    values = list(result.values()) if hasattr(result, "values") and not torch.is_tensor(result) else result
    values = list(values) if isinstance(values, tuple | list) else [values]
    return [v.float().numpy() if v.is_floating_point() else v.numpy() for v in values if torch.is_tensor(v)]
