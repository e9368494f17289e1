"""PyTorch: the reference that every exported file is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError
from edgekit.files import read_json
from edgekit.quiet import hush
from edgekit.runtimes.metadata import SIDECAR, read_signature

if TYPE_CHECKING:
    import numpy as np

    from edgekit.types import Batch, Signature


class PyTorchRunner:
    """Runs a module in fp32, in evaluation mode, on the device where its weights are."""

    def __init__(self, module: Any, signature: Signature, *, threads: int | None = None) -> None:
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self._module = module.eval()
        self.signature = signature
        self._device = next(module.parameters()).device
        used = threads or torch.get_num_threads()
        where = f"CPU, {used} thread{'s' if used > 1 else ''}" if self._device.type == "cpu" else self._device.type
        self.name = f"PyTorch {torch.__version__.split('+')[0]} ({where})"

    def run(self, batch: Batch) -> dict[str, np.ndarray]:
        """See `Runner.run`."""
        import torch

        feed = {
            spec.name: torch.as_tensor(batch[spec.name], dtype=torch.long, device=self._device)
            for spec in self.signature.inputs
        }
        with torch.inference_mode():
            result = self._module(**feed)
        logits = result.logits if hasattr(result, "logits") else result
        return {self.signature.outputs[0].name: logits.float().cpu().numpy()}


def open_folder(path: Path, *, threads: int = 1) -> PyTorchRunner:
    """Opens a Hub-layout folder that edgekit saved, with plain transformers.

    Raises:
        ModelError: the folder lacks edgekit's sidecar, or can't be loaded.
    """
    hush()
    from transformers import AutoModelForSequenceClassification

    sidecar = path / SIDECAR
    if not sidecar.is_file():
        raise ModelError(
            f"{path} has no {SIDECAR}: it was not saved by edgekit.",
            remedy="Use the commands that take any model folder (export, distill, predict).",
        )
    signature = read_signature(read_json(sidecar), path=path)
    try:
        module = AutoModelForSequenceClassification.from_pretrained(
            path, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} could not be loaded: {error}", remedy="Train or save it again.") from error
    return PyTorchRunner(module.float(), signature, threads=threads)
