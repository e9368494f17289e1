"""The small networks as transformers models: a token table, an encoder, and a head for texts or tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, SequenceClassifierOutput, TokenClassifierOutput

from edgekit.models.small.low_rank import LowRankEmbedding
from edgekit.models.small.networks import BiLstm, Cnn, Static


class SmallConfig(PreTrainedConfig):
    """Sizes of a small text network; its token table is as wide as its encoder."""

    vocab_size: int = 30522
    hidden_size: int = 384
    num_hidden_layers: int = 1
    dropout: float | int = 0.1
    embedding_rank: int | None = None  # of the token table; None: a plain table
    pad_token_id: int | None = 0
    initializer_range: float = 0.02
    max_position_embeddings: int = 8192  # no limit of the network itself


class BiLstmConfig(SmallConfig):
    """A bidirectional LSTM, half of `hidden_size` for each direction."""

    model_type = "edgekit-bilstm"


class CnnConfig(SmallConfig):
    """Convolutions of several widths, `hidden_size` feature maps in all."""

    model_type = "edgekit-cnn"

    windows: list[int] | tuple[int, ...] = (3, 4, 5)  # tokens


class StaticConfig(SmallConfig):
    """The mean of token embeddings."""

    model_type = "edgekit-static"


class SmallModel(PreTrainedModel):
    """Token ids → hidden states. `[B, L]` integers in; padding, on the right only, changes nothing."""

    config_class: Any = SmallConfig
    base_model_prefix = "encoder"
    encoder_class: Any

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        tokens, width, pad = config.vocab_size, config.hidden_size, config.pad_token_id
        self.word_embeddings = (
            LowRankEmbedding(tokens, config.embedding_rank, width, pad)
            if config.embedding_rank
            else nn.Embedding(tokens, width, padding_idx=pad)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.network = self.encoder_class(config)
        self.post_init()

    def get_input_embeddings(self) -> Any:
        return self.word_embeddings

    def set_input_embeddings(self, value: Any) -> None:
        self.word_embeddings = value

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> BaseModelOutput:
        """Hidden states `[B, L, D]`; number 0 is the embeddings."""
        if inputs_embeds is None:
            inputs_embeds = self.word_embeddings(input_ids)
        if attention_mask is None:
            attention_mask = torch.ones(
                inputs_embeds.shape[:2], dtype=torch.long, device=inputs_embeds.device
            )
        states = self.network(self.dropout(inputs_embeds), attention_mask)
        wanted = output_hidden_states or self.config.output_hidden_states
        return BaseModelOutput(
            last_hidden_state=states[-1], hidden_states=(inputs_embeds, *states) if wanted else None
        )


class BiLstmModel(SmallModel):
    config_class = BiLstmConfig
    encoder_class = BiLstm


class CnnModel(SmallModel):
    config_class = CnnConfig
    encoder_class = Cnn


class StaticModel(SmallModel):
    config_class = StaticConfig
    encoder_class = Static


class _WithHead(PreTrainedModel):
    base_model_prefix = "encoder"
    base_class: Any

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        labels = len(config.id2label or ())
        self.num_labels = labels
        self.encoder = self.base_class(config)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.hidden_size, labels)
        self.post_init()

    def _logits(self, x: Tensor) -> Tensor:
        return self.classifier(self.dropout(torch.relu(self.dense(x))))


class SmallForSequenceClassification(_WithHead):
    """A small network and a two-layer head over its pooled states."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Logits `[B, C]`, and the loss that `config.problem_type` names if there are labels."""
        if attention_mask is None:
            given = input_ids if input_ids is not None else inputs_embeds
            assert given is not None
            attention_mask = torch.ones(given.shape[:2], dtype=torch.long, device=given.device)
        seen = self.encoder(input_ids, attention_mask, inputs_embeds, output_hidden_states)
        logits = self._logits(self.encoder.network.pool(seen.last_hidden_state, attention_mask))
        loss = None
        if labels is not None:
            self.config.problem_type = self.config.problem_type or "single_label_classification"
            loss = self.loss_function(labels, logits, self.config)
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=seen.hidden_states)


class SmallForTokenClassification(_WithHead):
    """A small network and a two-layer head at every token."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        **_: Any,
    ) -> TokenClassifierOutput:
        """Logits `[B, L, C]`; a label of −100 counts for nothing."""
        seen = self.encoder(input_ids, attention_mask, inputs_embeds, output_hidden_states)
        logits = self._logits(seen.last_hidden_state)
        loss = self.loss_function(logits, labels, self.config) if labels is not None else None
        return TokenClassifierOutput(loss=loss, logits=logits, hidden_states=seen.hidden_states)


class BiLstmForSequenceClassification(SmallForSequenceClassification):
    config_class = BiLstmConfig
    base_class = BiLstmModel


class CnnForSequenceClassification(SmallForSequenceClassification):
    config_class = CnnConfig
    base_class = CnnModel


class StaticForSequenceClassification(SmallForSequenceClassification):
    config_class = StaticConfig
    base_class = StaticModel


class BiLstmForTokenClassification(SmallForTokenClassification):
    config_class = BiLstmConfig
    base_class = BiLstmModel


class CnnForTokenClassification(SmallForTokenClassification):
    config_class = CnnConfig
    base_class = CnnModel
