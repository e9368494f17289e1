"""A decoder as an ONNX graph with its caches: prefill and decoding are the same graph.

The graph is written from the configuration and the weights, not traced: each layer is about a dozen operators
that ONNX Runtime has kernels for, and none of them has to be recognised in what an exporter made of PyTorch.
It takes what onnxruntime-genai gives:

    input_ids        int64 [B, S]       new tokens
    attention_mask   int64 [B, T]       1 for every token in the caches and the new ones
    position_ids     int64 [B, S]       where positions are learned, or rotated outside the attention
    past_key_values.N.key, .value       float32, float16 or int8 [B, K, P, d]
  → logits           float32 [B, S, V], or [B, 1, V] of the last token alone
    present.N.key, .value               as the past ones, [B, K, T, d]

GroupQueryAttention writes into the past buffer when it is bound as the present one too. It rotates heads
of the sizes that it has code for; its window, scale and bias express sliding layers and ALiBi. Residual
additions stay apart from the norms: on a CPU SkipSimplifiedLayerNormalization takes as long as both at 1
token, and 1.7 times as long at 512.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from edgekit.export.onnx_decoder_cache import CACHE_TYPES, cache_scales
from edgekit.export.onnx_schemes.graph import MICROSOFT, Graph

if TYPE_CHECKING:
    import onnx_ir as ir

OPSET = 23  # the first with RMSNormalization; ONNX Runtime 1.23 and newer run it
TABLE = "embed_tokens.weight"
HEAD = "lm_head.weight"
Logits = Literal["all", "last"]


class DecoderGraph:
    """Writes one decoder, operator by operator, into `graph`.

    Args:
        decoder: an export-ready decoder, see `edgekit.models.decoders`.
        logits: "last" computes those of the last token alone, which saves the head's work in a prefill.
        kv_cache: what keys and values are stored in, of `CACHE_TYPES`.
    """

    def __init__(self, decoder: Any, *, logits: Logits, kv_cache: str = "fp32") -> None:
        import onnx_ir as ir

        self.cache_type = CACHE_TYPES[kv_cache]
        self.scales = cache_scales(decoder) if kv_cache == "int8" else {}
        self.decoder, self.config, self.logits = decoder, decoder.config, logits
        rotary = self.config.rotary
        self.rotates = rotary is None or (
            self.config.width % 16 == 0 and rotary.width % 16 == 0
        )  # in GQA itself
        self.weights = {name: value.detach().numpy() for name, value in decoder.state_dict().items()}
        self.halves: dict[ir.Value, ir.Value] = {}
        opsets = {"": OPSET, MICROSOFT: 1}
        inner = ir.Graph([], [], nodes=[], opset_imports=opsets, name="decoder")
        self.graph = Graph(ir.Model(inner, ir_version=11))

    def written(self) -> Graph:
        """The finished graph, all weights fp32."""
        config = self.config
        ids = self._input("input_ids", "INT64", ("batch", "sequence"))
        mask = self._input("attention_mask", "INT64", ("batch", "total"))
        hidden = self._op("Gather", self._weight(TABLE), ids)
        if config.embedding_scale != 1.0:
            hidden = self._op("Mul", hidden, self._floats("embedding_scale", config.embedding_scale))
        self._count(mask, ids)
        if config.learned_positions or not self.rotates:
            self.places = self._input("position_ids", "INT64", ("batch", "sequence"))
        if config.learned_positions:
            learned = self._op("Gather", self._weight("embed_positions.weight"), self.places)
            hidden = self._op("Add", hidden, learned)
        for index in range(config.layers):
            hidden = self._layer(hidden, index)
        if self.logits == "last":
            hidden = self._op("Gather", hidden, self._ints("last", [-1]), axis=1)
        self._output("logits", self._head(self._norm(hidden, "norm")), ("batch", "kept", config.vocabulary))
        return self.graph

    # What a graph is made of

    def _op(self, op: str, *inputs: Any, domain: str = "", **attributes: Any) -> ir.Value:
        return self.graph.add(op, inputs, domain=domain, **attributes)[0]

    def _input(self, name: str, dtype: str, shape: Sequence[int | str]) -> ir.Value:
        import onnx_ir as ir

        kind = ir.TensorType(ir.DataType[dtype])
        value = ir.Value(name=name, shape=ir.Shape(shape), type=kind)
        self.graph.model.graph.inputs.append(value)
        return value

    def _output(self, name: str, value: ir.Value, shape: Sequence[int | str], dtype: str = "FLOAT") -> None:
        import onnx_ir as ir

        value.name, value.shape, value.type = name, ir.Shape(shape), ir.TensorType(ir.DataType[dtype])
        self.graph.model.graph.outputs.append(value)

    def _weight(self, name: str) -> ir.Value:
        return self.graph.constant(name, self.weights[name])

    def _floats(self, name: str, value: Any) -> ir.Value:
        import numpy as np

        return self.graph.constant(name, np.asarray(value, np.float32))

    def _ints(self, name: str, value: Any) -> ir.Value:
        import numpy as np

        return self.graph.constant(name, np.asarray(value, np.int64))

    def _linear(self, x: ir.Value, name: str, parts: Sequence[str]) -> ir.Value:
        """One product by the matrices of several linear layers `name.part`, side by side."""
        import numpy as np

        joined = f"{name}.{'+'.join(parts)}"
        rows = [self.weights[f"{name}.{part}.weight"] for part in parts]
        matrix = (rows[0] if len(rows) == 1 else np.concatenate(rows)).T
        product = self._op("MatMul", x, self.graph.constant(f"{joined}.weight", matrix))
        biases = [f"{name}.{part}.bias" for part in parts]
        if biases[0] not in self.weights:
            return product
        bias = np.concatenate([self.weights[one] for one in biases])
        return self._op("Add", product, self.graph.constant(f"{joined}.bias", bias))

    # The decoder

    def _count(self, mask: ir.Value, ids: ir.Value) -> None:
        """What all attentions share: tokens in the caches, angles, and ALiBi's bias `[1, H, S, T]`."""
        config = self.config
        filled = self._op("ReduceSum", mask, self._ints("tokens", [1]), keepdims=0)
        last = self._op("Sub", filled, self._ints("one", 1))
        self.lengths = self._cast(last, "INT32")
        total = self._op("Gather", self._op("Shape", mask), self._ints("one", 1), axis=0)
        self.total = self._cast(total, "INT32")
        self.bias = None
        if config.alibi:
            none, one = self._ints("none", [0]), self._ints("tokens", [1])
            last_axis = self._ints("second", [1])
            length = self._op("Unsqueeze", total, none)
            seen = self._op(
                "Slice", self._floats("alibi", self.decoder.alibi.numpy()), none, length, last_axis
            )
            new = self._op("Slice", self._op("Shape", ids), one, self._ints("two", [2]))
            shape = self._op("Concat", self._ints("heads", [1, config.heads]), new, length, axis=0)
            wide = self._op("Unsqueeze", seen, self._ints("outer", [0, 2]))
            self.bias = self._op("Expand", wide, shape)

    def _norm(self, x: ir.Value, name: str) -> ir.Value:
        given: list[Any] = [x, self._weight(f"{name}.weight")]
        if f"{name}.bias" in self.weights:
            given.append(self._weight(f"{name}.bias"))
        op = "RMSNormalization" if len(given) == 2 else "LayerNormalization"
        return self._op(op, *given, axis=-1, epsilon=self.config.epsilon)

    def _layer(self, hidden: ir.Value, index: int) -> ir.Value:
        config, name = self.config, f"layers.{index}"
        normed = self._norm(hidden, f"{name}.input_layernorm")
        attended = self._attention(normed, index)
        if config.out_norms:
            attended = self._norm(attended, f"{name}.attention_out_norm")
        between = self._op("Add", hidden, attended)
        if config.block != "parallel":
            source = hidden if config.block == "parallel-two-norms" else between
            normed = self._norm(source, f"{name}.post_attention_layernorm")
        fed = self._feed_forward(normed, f"{name}.mlp")
        if config.out_norms:
            fed = self._norm(fed, f"{name}.mlp_out_norm")
        return self._op("Add", between, fed)

    def _attention(self, x: ir.Value, index: int) -> ir.Value:
        config, name = self.config, f"layers.{index}.self_attn"
        parts: list[Any] = [self._linear(x, name, ("q_proj", "k_proj", "v_proj")), None, None]
        cos, sin = self._angles(index)
        if config.query_key_norm or not self.rotates:
            queries, keys = config.heads * config.width, config.key_heads * config.width
            sizes = self._ints("query_key_value", [queries, keys, keys])
            parts = list(self.graph.add("Split", [parts[0], sizes], outputs=3, axis=-1))
        if config.query_key_norm:
            parts[:2] = (
                self._head_norm(parts[0], f"{name}.q_norm"),
                self._head_norm(parts[1], f"{name}.k_norm"),
            )
        if not self.rotates:
            turned = {"rotary_embedding_dim": config.rotary.width}
            for i, heads in enumerate((config.heads, config.key_heads)):
                given = parts[i], cos, sin, self.places
                parts[i] = self._op("RotaryEmbedding", *given, num_heads=heads, **turned)
            cos = sin = None
        attended = self._cached(index, parts, cos, sin)
        return self._linear(attended, name, ("o_proj",))

    def _cached(self, index: int, parts: list[Any], cos: ir.Value | None, sin: ir.Value | None) -> ir.Value:
        """Attention over the caches and the new keys and values, which it appends to them."""
        config, kinds = self.config, ("key", "value")
        shape = ("batch", config.key_heads, "past", config.width)
        past = [self._input(f"past_key_values.{index}.{kind}", self.cache_type, shape) for kind in kinds]
        more: dict[str, Any] = {}
        scales: list[Any] = [None, None]
        if self.scales:
            more = {"k_quant_type": "PER_TENSOR", "v_quant_type": "PER_TENSOR", "kv_cache_bit_width": 8}
            scales = [
                self._floats(f"cache.{index}.{k}.scale", self.scales[k][index : index + 1]) for k in kinds
            ]
        bias, half = self.bias, self.cache_type == "FLOAT16"
        if half:
            *parts, cos, sin, bias = (self._half(value) for value in (*parts, cos, sin, bias))
        attended, *present = self.graph.add(
            "GroupQueryAttention",
            [*parts, *past, self.lengths, self.total, cos, sin, None, bias, None, *scales],
            domain=MICROSOFT,
            outputs=3,
            num_heads=config.heads,
            kv_num_heads=config.key_heads,
            scale=config.score_scale,
            do_rotary=int(cos is not None),
            local_window_size=config.window if config.slides(index, self.decoder.context) else -1,
            **more,
        )
        shape = ("batch", config.key_heads, "total", config.width)
        for kind, kept in zip(kinds, present, strict=True):
            self._output(f"present.{index}.{kind}", kept, shape, self.cache_type)
        return self._cast(attended, "FLOAT") if half else attended

    def _cast(self, x: ir.Value, dtype: str) -> ir.Value:
        import onnx_ir as ir

        return self._op("Cast", x, to=ir.DataType[dtype])

    def _half(self, x: ir.Value | None) -> ir.Value | None:
        """In fp16; the same value for all layers that ask for the same."""
        if x is not None and x not in self.halves:
            self.halves[x] = self._cast(x, "FLOAT16")
        return None if x is None else self.halves[x]

    def _head_norm(self, x: ir.Value, name: str) -> ir.Value:
        """RMSNorm over each head: `[B, S, H·d]` → the same."""
        apart = self._op("Reshape", x, self._ints("heads_apart", [0, 0, -1, self.config.width]))
        return self._op("Reshape", self._norm(apart, name), self._ints("heads_joined", [0, 0, -1]))

    def _angles(self, index: int) -> tuple[ir.Value | None, ir.Value | None]:
        """Cosines and sines `[C, r / 2]` of a layer."""
        rotary = self.config.rotary_of(index)
        if rotary is None:
            return None, None
        prefix = "" if rotary is self.config.rotary else "sliding_"
        tables = (getattr(self.decoder, f"{prefix}{kind}").numpy() for kind in ("cos", "sin"))
        half = rotary.width // 2
        cos, sin = (
            self._floats(f"{prefix}{kind}", table[:, :half])
            for kind, table in zip(("cos", "sin"), tables, strict=True)
        )
        return cos, sin

    def _feed_forward(self, x: ir.Value, name: str) -> ir.Value:
        if not self.config.gated:
            return self._linear(self._activation(self._linear(x, name, ("up_proj",))), name, ("down_proj",))
        both = self._linear(x, name, ("gate_proj", "up_proj"))
        gate, up = self.graph.add("Split", [both], outputs=2, axis=-1, num_outputs=2)
        return self._linear(self._op("Mul", self._activation(gate), up), name, ("down_proj",))

    def _activation(self, x: ir.Value) -> ir.Value:
        op, attributes = ACTIVATIONS[self.config.activation]
        return self._op(op, x, domain=MICROSOFT if op == "QuickGelu" else "", **attributes)

    def _head(self, x: ir.Value) -> ir.Value:
        """Logits; a tied head reads the same constant as the look-up, the other way round."""
        config = self.config
        if config.tied:
            logits = self._op("MatMul", x, self._op("Transpose", self._weight(TABLE), perm=[1, 0]))
        else:
            logits = self._op("MatMul", x, self.graph.constant(HEAD, self.weights[HEAD].T))
        if config.head_bias:
            logits = self._op("Add", logits, self._weight("lm_head.bias"))
        if config.logit_cap is None:
            return logits
        cap = self._floats("logit_cap", config.logit_cap)
        return self._op("Mul", self._op("Tanh", self._op("Div", logits, cap)), cap)


ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {  # transformers' name → operator and its attributes
    "gelu": ("Gelu", {}),
    "gelu_python": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
    "silu": ("QuickGelu", {"alpha": 1.0}),
    "tanh": ("Tanh", {}),
}
