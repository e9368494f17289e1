"""PyTorch: the reference that every exported file is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import ModelError, first_line
from edgekit.files import read_json
from edgekit.metadata import SIDECAR, read_signature
from edgekit.quiet import hush, quiet
from edgekit.signatures import text_signature

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
            spec.name: torch.as_tensor(batch[spec.name], dtype=torch.long, device=self._device)
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
    """Opens a Hub-layout folder of a text classifier with plain transformers.

    Raises:
        ModelError: the folder can't be loaded as a classifier.
    """
    hush()
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        with quiet():
            module = AutoModelForSequenceClassification.from_pretrained(
                path, local_files_only=True, use_safetensors=True, trust_remote_code=False
            ).float()
            processor = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = first_line(error)
        raise ModelError(
            f"{path} could not be loaded as a classifier: {reason}",
            remedy="Give a folder with config.json, model.safetensors and a tokenizer.",
        ) from error
    sidecar = path / SIDECAR
    if sidecar.is_file():
        return PyTorchRunner(module, read_signature(read_json(sidecar), path=path), threads=threads)
    positions = getattr(module.config, "max_position_embeddings", None) or processor.model_max_length
    signature = text_signature(
        task="text-classification",
        processor=processor,
        labels=tuple(str(module.config.id2label[i]) for i in range(module.config.num_labels)),
        max_length=min(processor.model_max_length, positions),
        module=module,
    )
    return PyTorchRunner(module, signature, threads=threads)
