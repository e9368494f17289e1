"""Low-rank adapters, through peft: put beside the weights, and added to them in the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import TrainingError, first_line
from edgekit.quiet import quiet
from edgekit.tune.base import load_base, require

if TYPE_CHECKING:
    from edgekit.tune.settings import Settings


def prepare(path: Path, settings: Settings, *, dtype: Any) -> Any:
    """The model with what its method trains, and nothing else, requiring a gradient.

    Args:
        dtype: of frozen weights; trained ones are float32.

    Raises:
        As `load_base`.
    """
    import torch

    if settings.method == "full":
        return load_base(path, dtype=torch.float32).requires_grad_(True)
    return with_adapters(load_base(path, dtype=dtype, nf4=settings.method == "qlora"), settings)


def with_adapters(model: Any, settings: Settings, *, cast: bool = True) -> Any:
    """Adapters beside every linear layer but the head, which is what QLoRA found to be needed.

    A new adapter adds 0: the model still answers as before.

    Args:
        cast: keeps adapters in float32 beside weights of fewer bits.
    """
    require("peft", needed_for=f"--method {settings.method}")
    import torch
    from peft import LoraConfig, get_peft_model

    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return get_peft_model(
            model,
            LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,
                lora_dropout=settings.adapter_dropout,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
            autocast_adapter_dtype=cast,
        )


def check_four_bits(device: str) -> None:
    """Tries 4-bit weights on a small matrix.

    Raises:
        MissingExtra: bitsandbytes is not installed.
        TrainingError: its build has no such operations for this device.
    """
    require("bitsandbytes", needed_for="--method qlora")
    import torch

    try:
        from bitsandbytes.functional import dequantize_4bit, quantize_4bit

        matrix = torch.linspace(-1, 1, 4096, device=device).reshape(64, 64)
        codes, state = quantize_4bit(matrix, quant_type="nf4", compress_statistics=True)
        works = bool((dequantize_4bit(codes, state) - matrix).abs().max() < 0.2)
    except (RuntimeError, ImportError, OSError, AttributeError, ValueError) as error:
        raise _no_four_bits(device, first_line(error)) from error
    if not works:
        raise _no_four_bits(device, "it gives other numbers back")


def _no_four_bits(device: str, why: str) -> TrainingError:
    return TrainingError(
        f"--method qlora: bitsandbytes can't compute with 4-bit weights on {device!r}: {why}",
        remedy="Use --method lora, or --device cpu or cuda.",
    )


def adapter_state(model: Any) -> dict[str, Any]:
    """The trained tensors by name."""
    return {n: p.detach().cpu().clone() for n, p in model.named_parameters() if p.requires_grad}


def merged(path: Path, model: Any, settings: Settings) -> Any:
    """A plain model of the same family in float32: the weights with the adapters' products added.

    4-bit weights are those that the adapters learned beside: they are dequantized, not read again.

    Args:
        path: where `model` came from.
        model: from `prepare`, trained.
    """
    import torch

    plain = load_base(path, dtype=torch.float32)
    if settings.method == "qlora":
        _dequantize_into(plain, model.get_base_model())
    joined = with_adapters(plain, settings)
    state = adapter_state(model)
    own = {n: p for n, p in joined.named_parameters() if p.requires_grad}
    assert own.keys() == state.keys()
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(state[name])
    with quiet():
        return joined.merge_and_unload(safe_merge=True).requires_grad_(False).eval()


def _dequantize_into(plain: Any, quantized: Any) -> None:
    import torch
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    targets: dict[str, Any] = dict(plain.named_modules())
    with torch.no_grad():
        for name, module in quantized.named_modules():
            layer: Any = getattr(module, "base_layer", module)
            if isinstance(layer, Linear4bit) and name in targets:
                four: Any = layer.weight
                targets[name].weight.copy_(dequantize_4bit(four.data, four.quant_state))
