"""Export-ready modules, one file per architecture family, in one visible table."""

from __future__ import annotations

from typing import Any

from edgekit.errors import ExportError

FAMILIES = ("bert",)  # config.model_type


def export_module(module: Any) -> Any:
    """The family's export-ready twin of a transformers model, carrying the same weights.

    Args:
        module: a transformers `*ForSequenceClassification`.

    Returns:
        A module in evaluation mode, fp32, on the CPU: `(input_ids, attention_mask, …) → logits [B, C]`. A
        family without a twin gets its own transformers module behind that interface; ONNX usually takes it.

    Raises:
        ExportError: the weights do not fit the twin one to one.
    """
    import torch

    config = module.config
    if config.model_type != "bert":
        return _Transformers(module).eval()
    from edgekit.models.families import bert

    if bert.unsupported(config):
        return _Transformers(module).eval()
    twin = bert.BertForExport(config)
    state = {k: v.detach().to("cpu", torch.float32) for k, v in module.state_dict().items()}
    try:
        twin.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ExportError(
            f"The weights of this {config.model_type} model do not fit its export module: {error}",
            remedy="Check that config.json belongs to these weights.",
        ) from error
    return twin.eval()


def has_family(config: Any) -> bool:
    """Whether `export_module` has a twin for this configuration."""
    from edgekit.models.families import bert

    return config.model_type == "bert" and bert.unsupported(config) is None


def _Transformers(module: Any) -> Any:  # noqa: N802 - stands for a class that needs torch
    import torch

    class Transformers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = module.to("cpu", torch.float32)

        def forward(self, input_ids, attention_mask, token_type_ids=None):  # type: ignore[no-untyped-def]
            extra = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            return self.model(input_ids=input_ids, attention_mask=attention_mask, **extra).logits

    return Transformers()
