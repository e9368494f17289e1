"""A sentence encoder: a transformers encoder, the mean over real tokens, perhaps a projection, length 1
(Reimers and Gurevych, 2019). Its folder is one that sentence-transformers loads as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.errors import ModelError
from edgekit.files import read_json, write_json

LAYOUT = "modules.json"
_KINDS = "sentence_transformers.models."  # every version of that package knows its modules by these names
_POOLINGS = "pooling_mode_"


class SentenceEncoder(nn.Module):
    """Texts to vectors of length 1.

    Args:
        config: of the transformers encoder. `config.sentence_size` is the width of a projection after the
            mean; absent or None, there is none and an embedding is as wide as a hidden state.
        encoder: with its weights; None makes a random one.
    """

    def __init__(self, config: Any, encoder: Any = None) -> None:
        super().__init__()
        from transformers import AutoModel

        self.encoder = AutoModel.from_config(config) if encoder is None else encoder
        if getattr(self.encoder, "pooler", None) is not None:
            self.encoder.pooler = None  # never read here; its weights would get no gradient
        width = getattr(config, "sentence_size", None)
        self.projection = None if width is None else nn.Linear(config.hidden_size, width)

    @property
    def config(self) -> Any:
        """Of the encoder, `sentence_size` included."""
        return self.encoder.config

    @property
    def embedding_size(self) -> int:
        """Width of an embedding."""
        return int(self.projection.out_features if self.projection else self.config.hidden_size)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **more: Any) -> Any:
        """`[B, L]` ids and mask → `.logits`: embeddings `[B, D]` of length 1.

        `token_type_ids`, `output_hidden_states` and `output_attentions` go to the encoder.
        """
        from transformers.modeling_outputs import SequenceClassifierOutput

        out = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **more)
        mask = attention_mask.unsqueeze(-1).to(out.last_hidden_state.dtype)
        mean = (out.last_hidden_state * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        if self.projection is not None:
            mean = self.projection(mean)
        return SequenceClassifierOutput(
            logits=nn.functional.normalize(mean, dim=-1),
            hidden_states=getattr(out, "hidden_states", None),
            attentions=getattr(out, "attentions", None),
        )

    def get_input_embeddings(self) -> nn.Module:
        """The encoder's token table."""
        return self.encoder.get_input_embeddings()

    def set_input_embeddings(self, table: nn.Module) -> None:
        """Replaces the encoder's token table."""
        self.encoder.set_input_embeddings(table)

    def gradient_checkpointing_enable(self, **settings: Any) -> None:
        """As transformers' models have it."""
        self.encoder.gradient_checkpointing_enable(**settings)

    def save_pretrained(self, folder: Path | str, **settings: Any) -> None:
        """Writes the encoder as transformers does, and around it what sentence-transformers reads."""
        from safetensors.torch import save_file

        root = Path(folder)
        self.encoder.save_pretrained(root, **settings)
        modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
        pooling = {
            f"{_POOLINGS}{mode}": mode == "mean_tokens"
            for mode in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
        }
        (root / "1_Pooling").mkdir(exist_ok=True)
        write_json(
            root / "1_Pooling/config.json",
            {"word_embedding_dimension": self.config.hidden_size, **pooling},
        )
        if self.projection is not None:
            modules.append(("2_Dense", "Dense"))
            (root / "2_Dense").mkdir(exist_ok=True)
            linear = self.projection
            write_json(
                root / "2_Dense/config.json",
                {
                    "in_features": linear.in_features,
                    "out_features": linear.out_features,
                    "bias": True,
                    "activation_function": "torch.nn.modules.linear.Identity",
                },
            )
            weights = {f"linear.{k}": v.detach().cpu().contiguous() for k, v in linear.state_dict().items()}
            save_file(weights, root / "2_Dense/model.safetensors")
        modules.append((f"{len(modules)}_Normalize", "Normalize"))
        write_json(
            root / LAYOUT,
            [
                {"idx": i, "name": str(i), "path": path, "type": _KINDS + kind}
                for i, (path, kind) in enumerate(modules)
            ],
        )


def load_sentence_encoder(folder: Path, config: Any, *, uri: str, **settings: Any) -> SentenceEncoder:
    """Reads a plain encoder's folder, or one in sentence-transformers' layout.

    Args:
        config: of the encoder; gets `sentence_size`.
        settings: for transformers' `from_pretrained`.

    Raises:
        ModelError: the folder pools in another way, or applies what edgekit can't express.
    """
    from safetensors.torch import load_file
    from transformers import AutoModel

    root, dense = _read_layout(folder, uri)
    weights = load_file(dense / "model.safetensors") if dense else {}
    config.sentence_size = len(weights["linear.weight"]) if weights else None
    module = SentenceEncoder(config, AutoModel.from_pretrained(root, config=config, **settings))
    if module.projection is not None:
        linear = {name.removeprefix("linear."): value for name, value in weights.items()}
        linear.setdefault("bias", torch.zeros(config.sentence_size))
        module.projection.load_state_dict(linear)
    return module


def _read_layout(folder: Path, uri: str) -> tuple[Path, Path | None]:
    """Where the encoder and the projection lie."""
    root, dense = folder, None
    for entry in read_json(folder / LAYOUT) if (folder / LAYOUT).is_file() else []:
        kind, path = entry["type"].rsplit(".", 1)[-1], folder / entry["path"]
        if kind == "Transformer":
            root = path
        elif kind == "Pooling":
            _check_pooling(read_json(path / "config.json"), uri)
        elif kind == "Dense" and dense is None:
            activation = read_json(path / "config.json").get("activation_function", "")
            if not activation.endswith("Identity") or not (path / "model.safetensors").is_file():
                raise ModelError(
                    f"{uri}: its Dense module has the activation {activation or 'Tanh'!r}, or no "
                    "safetensors.",
                    remedy="Use a sentence encoder whose projection is linear, saved as safetensors.",
                )
            dense = path
        elif kind != "Normalize":
            raise ModelError(
                f"{uri}: its {LAYOUT} applies {kind}, which has no counterpart in edgekit.",
                remedy="Use a sentence encoder made of Transformer, Pooling, Dense and Normalize.",
            )
    return root, dense


def _check_pooling(config: Any, uri: str) -> None:
    modes = [name.removeprefix(_POOLINGS) for name, on in config.items() if name.startswith(_POOLINGS) and on]
    told = config.get("pooling_mode", modes)
    if told not in ("mean", ["mean"], ["mean_tokens"]):
        raise ModelError(
            f"{uri} pools by {told}; edgekit takes the mean over tokens.",
            remedy="Use a sentence encoder with mean pooling, such as all-MiniLM-L6-v2.",
        )
