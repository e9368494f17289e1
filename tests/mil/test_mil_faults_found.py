"""Three faults that real conversions have, and that nothing but execution shows.

Each package comes out of coremltools without a complaint, keeps its interface, and holds finite weights only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.optimize import coreml as cto
from torch import Tensor, nn

import edgekit.mil as mil
from edgekit.errors import AssetError
from edgekit.quiet import quiet

Save = Callable[[Any], mil.Model]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Saves a converted model, checks what can be checked without executing it, and opens it again."""

    def saved(package: Any) -> mil.Model:
        path = tmp_path / "model.mlpackage"
        with quiet():
            package.save(str(path))
        model = mil.load(path)
        assert list(model.inputs) == ["x"] and list(model.outputs) == ["y"]
        for op in model.program.operations:
            values = op.outputs[0].val if op.op_type == "const" else None
            if isinstance(values, np.ndarray) and values.dtype.kind == "f":
                assert np.isfinite(values).all(), op.name
        return model

    return saved


def converted(module: nn.Module, example: Tensor, dtype: type = np.float32) -> Any:
    with quiet(), torch.no_grad():
        program = torch.export.export(module.eval(), (example,)).run_decompositions({})
        return ct.convert(
            program,
            minimum_deployment_target=ct.target.iOS18,
            inputs=[ct.TensorType("x", tuple(example.shape), dtype=dtype)],
            outputs=[ct.TensorType("y", dtype=np.float32)],
            skip_model_load=True,
        )


def cosine(a: Any, b: Any) -> float:
    a, b = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


class NaiveRMSNorm(nn.Module):
    """x / √(mean(x²) + ε) as Llama's source has it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, size))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))


class SafeRMSNorm(NaiveRMSNorm):
    """The same by LayerNorm over [x, −x]: its mean is 0, so that its variance is mean(x²)."""

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat([x, -x], dim=-1)
        return self.weight * nn.functional.layer_norm(both, both.shape[-1:], eps=1e-5)[..., : x.shape[-1]]


class TestHalfPrecisionOverflow:
    """Residual activations of small Llamas reach 28,500; half precision ends at 65,504, so x² overflows."""

    x = 3000 * torch.randn(1, 8, 64, generator=torch.Generator().manual_seed(0))

    def test_the_naive_form_is_right_only_without_rounding(self, save: Save) -> None:
        module = NaiveRMSNorm(64)
        model, wanted = save(converted(module, self.x)), module(self.x).detach().numpy()
        exact = model.predict({"x": self.x}, rounding="none")["y"]
        assert np.abs(exact - wanted).max() < 1e-2  # the conversion is right …
        rounded = model.predict({"x": self.x})["y"]  # … and its precision isn't enough
        assert not np.abs(rounded - wanted).max() < 1  # zeros here: 1/√∞; NaN where x itself overflows

    def test_the_layer_norm_form_is_right_in_both_modes(self, save: Save) -> None:
        module = SafeRMSNorm(64)
        model = save(converted(module, self.x))
        wanted = NaiveRMSNorm(64)(self.x).detach().numpy()
        for rounding in ("none", "declared"):
            found = model.predict({"x": self.x}, rounding=rounding)["y"]
            assert np.abs(found - wanted).max() < 1e-2
            assert cosine(found, wanted) > 0.99999


class Embedder(nn.Module):
    """MiniLM's width: words + (positions + type), LayerNorm, a projection.

    The tables look like those of all-MiniLM-L6-v2, whose positions have a deviation of 0.04 and a few entries
    of 1.8.
    """

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.positions = nn.Embedding(1002, 384), nn.Embedding(64, 384)
        self.types = nn.Embedding(2, 384)
        self.norm, self.project = nn.LayerNorm(384), nn.Linear(384, 384)
        for table in (self.words, self.positions, self.types):
            nn.init.normal_(table.weight, std=0.04)
        with torch.no_grad():
            self.positions.weight[:, [7, 200]] = 1.8

    def forward(self, ids: Tensor) -> Tensor:
        places = (self.positions.weight[: ids.shape[1]] + self.types.weight[0]).unsqueeze(0)
        return self.project(self.norm(self.words(ids) + places))


class TestCompression:
    x = torch.randint(0, 1002, (1, 64), generator=torch.Generator().manual_seed(0), dtype=torch.int32)

    @pytest.fixture(scope="class")
    def module(self) -> Embedder:
        return Embedder()

    @pytest.fixture(scope="class")
    def plain(self, module: Embedder) -> Any:
        return converted(module, self.x, np.int32)

    def executed(self, model: mil.Model, module: Embedder) -> float:
        return cosine(model.predict({"x": self.x})["y"], module(self.x).detach())

    def palettized(self, plain: Any, *, scaled: bool) -> Any:
        config = cto.OpPalettizerConfig(
            mode="uniform", nbits=6, granularity="per_grouped_channel", group_size=16,
            enable_per_channel_scale=scaled,
        )  # fmt: skip
        with quiet():
            return cto.palettize_weights(plain, cto.OptimizationConfig(config))

    def test_a_per_channel_scale_is_lost_where_the_group_does_not_divide(
        self, save: Save, module: Embedder, plain: Any
    ) -> None:
        """1,002 words are no multiple of 16: coremltools divides the table by its scales, then gives up."""
        assert self.executed(save(self.palettized(plain, scaled=False)), module) > 0.999
        corrupted = save(self.palettized(plain, scaled=True))
        words = next(
            op.outputs[0].val for op in corrupted.program.operations if op.outputs[0].shape == (1002, 384)
        )
        assert np.abs(module.words.weight.detach()).max() < 0.3
        assert np.abs(words).max(axis=1).min() > 0.5  # they stay normalised
        assert self.executed(corrupted, module) < 0.6

    @pytest.mark.parametrize(
        ("settings", "with_it", "without"),
        [({"dtype": "int8"}, 0.9998, 0.9999), ({"dtype": "int4", "granularity": "per_block"}, 0.97, 0.99)],
        ids=["int8", "int4"],
    )
    def test_a_folded_position_constant_must_not_be_quantized(
        self, save: Save, module: Embedder, plain: Any, settings: Any, with_it: float, without: float
    ) -> None:
        """Positions + type are one constant [1, 64, 384], whose first axis has one scale for all of it."""
        with quiet():
            weights = cto.get_weights_metadata(plain, weight_threshold=2048)
        folded = [name for name, weight in weights.items() if weight.val.ndim == 3]
        assert [weights[name].val.shape for name in folded] == [(1, 64, 384)]
        quantizer = cto.OpLinearQuantizerConfig(mode="linear_symmetric", **settings)
        found = []
        for excluded in ([], folded):
            config = cto.OptimizationConfig(quantizer, op_name_configs=dict.fromkeys(excluded))
            with quiet():
                smaller = cto.linear_quantize_weights(plain, config)
            found.append(self.executed(save(smaller), module))
        assert found[0] < with_it and found[1] > without
        assert 1 - found[0] > 5 * (1 - found[1])


@pytest.mark.slow
def test_minilm_loses_by_its_folded_position_constant(save: Save) -> None:
    """all-MiniLM-L6-v2, where an earlier run of a recipe has fetched it."""
    from transformers import AutoModel

    from edgekit.assets.fetch import fetch
    from edgekit.models.families import export_module
    from edgekit.recipe.load import load_recipe

    try:
        source = fetch(load_recipe("movie-reviews").teacher.model, kind="model", offline=True)
    except AssetError:
        pytest.skip("the model is not in the cache")
    encoder = export_module(AutoModel.from_pretrained(source.path), max_length=64, task="sentence-embedding")

    class OneInput(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, ids: Tensor) -> Tensor:
            return self.encoder(ids, torch.ones_like(ids), torch.zeros_like(ids))

    x = torch.randint(1000, 20000, (1, 64), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    wanted, plain = OneInput()(x).detach(), converted(OneInput(), x, np.int32)
    with quiet():
        weights = cto.get_weights_metadata(plain, weight_threshold=2048)
    folded = [name for name, weight in weights.items() if weight.val.ndim == 3]
    found = []
    for excluded in ([], folded):
        quantizer = cto.OpLinearQuantizerConfig(mode="linear_symmetric")
        with quiet():
            smaller = cto.linear_quantize_weights(
                plain, cto.OptimizationConfig(quantizer, op_name_configs=dict.fromkeys(excluded))
            )
        found.append(cosine(save(smaller).predict({"x": x})["y"], wanted))
    assert folded and found[1] > 0.998
    assert 1 - found[0] > 3 * (1 - found[1])
