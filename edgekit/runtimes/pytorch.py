"""PyTorch: the reference that every exported file is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.files import read_json
from edgekit.metadata import SIDECAR, read_signature
from edgekit.types import Source

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch, Signature


class PyTorchRunner:
    """Runs a module in fp32, in evaluation mode, on the device where its weights are."""

    def __init__(self, module: Any, signature: Signature, *, threads: int | None = None) -> None:
        import torch

        self._threads = threads
        self._module = module.eval()
        self.signature = signature
        self._device = next(module.parameters()).device
        used = threads or torch.get_num_threads()
        where = (
            f"CPU, {used} thread{'s' if used > 1 else ''}"
            if self._device.type == "cpu"
            else self._device.type
        )
        self.name = f"PyTorch {torch.__version__.split('+')[0]} ({where})"

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """See `Runner.run`."""
        import torch

        feed = {
            spec.name: torch.as_tensor(
                batch[spec.name], dtype=getattr(torch, spec.dtype), device=self._device
            )
            for spec in self.signature.inputs
        }
        before = torch.get_num_threads()  # the setting is the whole process's: training has its own
        try:
            torch.set_num_threads(self._threads or before)
            with torch.inference_mode():
                result = self._module(**feed)
        finally:
            torch.set_num_threads(before)
        logits = result.logits if hasattr(result, "logits") else result
        return {self.signature.outputs[0].name: logits.float().cpu().numpy()}


def open_folder(path: Path, *, threads: int = 1) -> PyTorchRunner:
    """Opens a model folder, for the task that it says it is for.

    Raises:
        ModelError: the folder can't be loaded as a model of its task.
    """
    from edgekit.models.load import load_model, load_processor
    from edgekit.models.tasks import task_of

    limit = int(load_processor(path, uri=str(path)).model_max_length)
    model = load_model(
        Source(uri=str(path), sha256="", path=path),
        name=path.name,
        task=task_of(path),
        max_length=limit if limit < 10**9 else 512,  # transformers writes 10³⁰ for "not known"
        attention=None,
    )
    sidecar = path / SIDECAR
    told = read_signature(read_json(sidecar), path=path) if sidecar.is_file() else model.signature
    return PyTorchRunner(model.module, told, threads=threads)
