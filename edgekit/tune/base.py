"""The decoder that is tuned, as transformers loads it: from a Hub-layout folder or a GGUF file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from edgekit.errors import AssetError, MissingExtra, ModelError
from edgekit.models.decoders.load import load_text_tokenizer, loading
from edgekit.models.gguf import forget_quantization, locate


def load_config(path: Path) -> Any:
    """The configuration alone; config.json suffices for it.

    Raises:
        ModelError: not a model, or not a language model.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    folder, extra = locate(path)
    with loading(path):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **extra)
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise ModelError(
            f"{path} is a {config.model_type!r}, not a decoder that writes text.",
            remedy="Give a causal language model, such as Llama, Qwen, Phi, Falcon, Gemma or GPT-2.",
        )
    return config


def load_base(path: Path, *, dtype: Any, nf4: bool = False) -> Any:
    """The model, every weight frozen, in evaluation mode on the CPU.

    Args:
        dtype: of the weights (`torch.dtype`), and of products with 4-bit ones.
        nf4: linear layers but the head in 4-bit NormalFloat, their scales quantized too.

    Raises:
        ModelError: not a decoder, or damaged.
        AssetError: custom code or pickled weights.
        MissingExtra: a GGUF file or 4-bit weights need a package.
    """
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    folder, extra = locate(path)
    load_config(path)
    if not extra and not list(folder.glob("*.safetensors")):
        raise AssetError(
            f"{folder} holds no safetensors.",
            remedy="Convert the weights to safetensors; edgekit doesn't unpickle.",
        )
    how: dict[str, Any] = {"dtype": dtype, "local_files_only": True, "trust_remote_code": False}
    if nf4:
        require("bitsandbytes", needed_for="--method qlora")
        if extra:  # transformers can't read one quantization into another
            with tempfile.TemporaryDirectory() as plain:
                load_base(path, dtype=dtype).save_pretrained(plain)
                return load_base(Path(plain), dtype=dtype, nf4=True)
        import torch

        how["device_map"] = torch.cuda.current_device() if torch.cuda.is_available() else "cpu"
        how["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    with loading(path):
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, use_safetensors=None if extra else True, **how, **extra
        )
    if extra:
        forget_quantization(model)
    if nf4:
        # On CPUs with AVX512-BF16 bitsandbytes 0.50 stores the weights anew when it first evaluates: a layout
        # that fails where a layer's width is no multiple of 64, and that training can't use.
        for module in model.modules():
            if hasattr(module, "support_avx512bf16_for_cpu"):
                module.support_avx512bf16_for_cpu = False
    return model.requires_grad_(False).eval()


def load_processor(path: Path) -> Any:
    """The tokenizer.

    Raises:
        ModelError: there is none.
    """
    folder, extra = locate(path)
    return load_text_tokenizer(folder, **extra)


def require(module: str, *, needed_for: str) -> None:
    """Raises:
    MissingExtra: a package of the extra `tune` is not installed.
    """
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingExtra(module, extra="tune", needed_for=needed_for)
