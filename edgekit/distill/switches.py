"""What a recipe changes about modules while they train, and puts back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgekit.errors import TrainingError
from edgekit.recipe.schema import Training


@contextmanager
def switched(distiller: Any, config: Training, *, device: str) -> Iterator[list[Any]]:
    """Sets checkpointing, compilation, attention and how token tables learn, for the time of training.

    Yields:
        The token tables (`torch.nn.Embedding`) that are to be updated lazily; their gradients are sparse.

    Raises:
        TrainingError: a model has nothing that the setting could apply to.
    """
    import torch

    student = distiller.student
    tables = token_tables(distiller) if config.embedding_updates != "dense" else []
    frozen = [p for t in tables for p in t.parameters()] if config.embedding_updates == "frozen" else []
    lazy = tables if config.embedding_updates == "lazy" else []
    for table in lazy:
        _check_lazy(distiller, table)
    if config.gradient_checkpointing and not getattr(student, "supports_gradient_checkpointing", False):
        raise TrainingError(
            f"gradient_checkpointing is on, and {type(student).__name__} has no layers to apply it to.",
            remedy="Set gradient_checkpointing: false; gradient_accumulation with a smaller batch_size saves "
            "memory too.",
        )
    compiled = config.compile == "always" or (config.compile == "auto" and device == "cuda")
    trained = [p for p in frozen if p.requires_grad]
    with fast_attention(distiller, device=device):
        try:
            for parameter in trained:
                parameter.requires_grad_(False)
            for table in lazy:
                table.sparse = True
            if config.gradient_checkpointing:
                student.gradient_checkpointing_enable({"use_reentrant": False})
            if compiled:
                student.compile(dynamic=True)
            yield lazy
        finally:
            for parameter in trained:
                parameter.requires_grad_(True)
            for table in lazy:
                table.sparse = False
            if config.gradient_checkpointing:
                student.gradient_checkpointing_disable()
            if compiled:
                student._compiled_call_impl = None
                torch.compiler.reset()  # the next model in this process gets its own compilations


@contextmanager
def fast_attention(module: Any, *, device: str) -> Iterator[None]:
    """Attention by plain matrix products on a CPU, where the fused kernel is slower with a padding mask.

    Measured on one core, 3 layers of MiniLM in bf16, training, samples/s fused and plain: 295 and 573 at 16
    tokens, 212 and 302 at 32, 53 and 80 at 128; without gradients 872 and 991.

    Args:
        module: holds any number of transformers models, in training or not.
        device: "cpu", "cuda" or "mps".
    """
    fused = [
        part
        for part in module.modules()
        if hasattr(part, "set_attn_implementation") and part.config._attn_implementation == "sdpa"
    ]
    fused = fused if device == "cpu" else []
    for part in fused:
        part.set_attn_implementation("eager")
    try:
        yield
    finally:
        for part in fused:
            part.set_attn_implementation("sdpa")


def token_tables(distiller: Any) -> list[Any]:
    """The `torch.nn.Embedding`s that turn token ids into vectors, in the student and beside it.

    Raises:
        TrainingError: there is none.
    """
    import torch

    found: dict[int, Any] = {}
    for module in distiller.modules():
        if not hasattr(module, "get_input_embeddings"):
            continue
        for part in module.get_input_embeddings().modules():  # a low-rank table is inside a small module
            if isinstance(part, torch.nn.Embedding) and any(p.requires_grad for p in part.parameters()):
                found[id(part)] = part
    if not found:
        raise TrainingError(
            f"{type(distiller.student).__name__} has no token table that learns.",
            remedy="Set embedding_updates: dense.",
        )
    return list(found.values())


def _check_lazy(distiller: Any, table: Any) -> None:
    if "weight" not in table._parameters:
        raise TrainingError(
            "embedding_updates: lazy cannot be: the token table is computed from other weights "
            "(quantization-aware training does this).",
            remedy="Set embedding_updates: dense or frozen.",
        )
    owners = [
        name
        for name, module in distiller.named_modules()
        if module is not table and any(p is table.weight for p in module._parameters.values())
    ]
    if owners:
        raise TrainingError(
            f"embedding_updates: lazy cannot be: the token table is also the weight of {owners[0]}, which "
            "gives every row a gradient.",
            remedy="Set embedding_updates: dense.",
        )
