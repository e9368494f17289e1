"""What a training needs in memory, predicted from a configuration alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgekit.files import human

if TYPE_CHECKING:
    from edgekit.tune.settings import Settings

_BLOCK, _NESTED = 64, 256  # weights that share a scale in NF4, and scales that share one
_CODES = (16 + 256 + 1) * 4  # bytes of each 4-bit matrix for the values of its codes, and an offset


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one training, or what was measured of them."""

    method: str
    weights: int  # of all parameters, adapters included
    gradients: int
    optimizer: int
    activations: int | None  # and everything else that a step holds for a while; None: not measured
    trained: int  # parameters, a number

    @property
    def total(self) -> int:
        """All four."""
        return self.weights + self.gradients + self.optimizer + (self.activations or 0)

    @property
    def headers(self) -> tuple[str, ...]:
        """Of a table of several."""
        return ("method", "trained", "weights", "gradients", "optimizer", "activations", "total")

    def row(self) -> tuple[str, ...]:
        """Cells under `headers`."""
        sizes = (self.weights, self.gradients, self.optimizer, self.activations, self.total)
        return (self.method, f"{self.trained:,}", *("–" if s is None else human(s) for s in sizes))


def predict(config: Any, settings: Settings, *, rows: int, length: int, precision: str) -> Memory:
    """What `settings` will need for a step of `rows` × `length` tokens that all have a loss.

    The model is built and run on PyTorch's meta device, where tensors have shapes and no numbers: parameters
    are counted, and activations are what autograd keeps for the backward pass. Attention is counted as the
    plain products that edgekit trains with on a CPU; a fused kernel doesn't keep its probabilities.

    Args:
        config: of transformers; no weights are needed.
        precision: "fp32" | "bf16" | "fp16".

    Raises:
        MissingExtra: peft is not installed.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from edgekit.quiet import quiet
    from edgekit.tune.adapters import with_adapters

    full = settings.method == "full"
    half = precision != "fp32"
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    with torch.device("meta"), quiet():
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="eager")
        head = model.get_output_embeddings()
        linear = sum(m.weight.numel() for m in _linear(model) if m is not head)
        matrices = sum(1 for m in _linear(model) if m is not head)
        count = sum(p.numel() for p in model.parameters())
        if not full:
            # Under autocast adapters compute in few bits too, whatever they are stored in.
            model = with_adapters(model.requires_grad_(False), settings, cast=False)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        kept = _kept(model.train(), rows, length)
        if settings.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
            few = _kept(model, rows, length)
            # The backward pass computes one layer anew at a time.
            kept = few + (kept - few) // config.get_text_config().num_hidden_layers
    each = 4 if full else dtype.itemsize
    weights = count * each + (0 if full else trained * 4)
    if settings.method == "qlora":
        weights -= linear * each
        weights += round(linear * (1 / 2 + 1 / _BLOCK + 4 / (_BLOCK * _NESTED))) + matrices * _CODES
    if full and half:
        kept += linear * dtype.itemsize  # autocast's copies of the weights, kept for the backward pass
    logits = rows * length * config.get_text_config().vocab_size
    return Memory(
        method=settings.method,
        weights=weights,
        gradients=trained * 4,
        optimizer=trained * 8,  # AdamW's two moments
        activations=kept + logits * 4,  # the gradient of the loss by the logits
        trained=trained,
    )


def _linear(model: Any) -> Iterator[Any]:
    import torch

    return (module for module in model.modules() if isinstance(module, torch.nn.Linear))


def _kept(model: Any, rows: int, length: int) -> int:
    """Bytes that autograd keeps of one forward pass with a loss, parameters left out."""
    import torch

    ids = torch.zeros(rows, length, dtype=torch.int64)
    owned = {p.untyped_storage()._cdata for p in model.parameters()}
    storages: dict[int, Any] = {}  # held, so that no address is given twice

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage._cdata not in owned:
            storages[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
        torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids.flatten())
    return sum(storage.nbytes() for storage in storages.values())
