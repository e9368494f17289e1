"""Small modules with one known fault each, converted as edgekit converts them."""

from __future__ import annotations

from pathlib import Path

import coremltools as ct
import coremltools.optimize.coreml as cto
import torch
from torch import nn

from edgekit.export.coreml_convert import convert, save_package
from edgekit.quiet import quiet

TOKENS, WIDTH = 5, 16


def package(module: nn.Module, path: Path, *, shape: tuple[int, ...], precision: str = "fp16") -> Path:
    with quiet(), torch.no_grad():
        program = torch.export.export(module.eval(), (torch.zeros(shape),)).run_decompositions({})
    converted = convert(
        program,
        name="module",
        precision=precision,
        minimum_deployment_target="iOS18",
        inputs=[ct.TensorType("x", shape)],
        outputs=[ct.TensorType("y")],
    )
    save_package(converted, path)
    return path


def int4(path: Path) -> Path:
    """Every constant of a package in 4 bits, with one scale a channel."""
    with quiet():
        source = ct.models.MLModel(str(path), skip_model_load=True)
        every = cto.OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype="int4", granularity="per_channel", weight_threshold=1
        )
        smaller = cto.linear_quantize_weights(source, config=cto.OptimizationConfig(global_config=every))
    smaller.user_defined_metadata.update(source.user_defined_metadata)
    small = path.with_name(f"{path.stem}_int4.mlpackage")
    save_package(smaller, small)
    return small


class RMSNorm(nn.Module):
    """As most code writes it: x² overflows in half precision from 256 on."""

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-3)


class Block(nn.Module):
    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.up = nn.Linear(WIDTH, WIDTH)
        self.norm = norm
        self.down = nn.Linear(WIDTH, 4)

    def forward(self, x):
        return self.down(self.norm(self.up(x)))


class LowestMask(nn.Module):
    """Masks with float32's minimum, which is −inf in half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        kept = (x[:, :, :1] > -100).float().transpose(1, 2)
        scores = self.project(x) @ x.transpose(1, 2)
        return torch.softmax(scores + (1 - kept) * torch.finfo(torch.float32).min, -1)


class SmallEpsilon(nn.Module):
    """An epsilon of 1e-12 beside a variance that it matters to."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        small = self.project(x) * 1e-5
        return small / torch.sqrt(small.pow(2).mean(-1, keepdim=True) + 1e-12)


class Positions(nn.Module):
    """Two tables that fold into one rank-3 constant, whose one large entry takes the whole range."""

    rows = 24

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, 64)
        self.positions = nn.Parameter(torch.randn(40, 64) * 0.02)
        self.types = nn.Parameter(torch.randn(64) * 0.02)
        self.positions.data[3, 5] = 4.0

    def forward(self, x):
        table = (self.positions[: self.rows] + self.types).unsqueeze(0)
        return torch.tanh(self.project(x) * 0.05 + table)
