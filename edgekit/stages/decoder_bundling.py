"""App kits of exported decoders: the file that a platform gets, its verdict, and what tests the kit."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.codec import from_json
from edgekit.decoder_parity import DecoderParity
from edgekit.errors import ExportError, ModelError
from edgekit.files import read_json
from edgekit.recipe.schema.outputs import KIT_TARGETS
from edgekit.types import Artifact

if TYPE_CHECKING:
    from edgekit.kits.generation.golden import Chosen, Continued, GenerationGolden
    from edgekit.kits.generation.parts import GeneratorParts
    from edgekit.kits.manifest import Bundle
    from edgekit.runtimes.decoder import OpenDecoder

# Tokens that are written after each of the prompts; `edgekit.mil` is slow.
WRITTEN = {"onnxruntime": 24, "coreml": 8}
UNROUNDED = 8  # the same without rounding, which is slow
MOST_BYTES = 1_900_000_000  # of a file with its weights inside
PROMPTS = (
    "Once upon a time",
    "The capital of France is",
    "Write a short list of things to buy:\n-",
    "Die Sonne scheint, und",
    "def add(a, b):\n",
    "Water boils at 100 degrees because",
)
_STREAMED = (
    "Grüße aus Köln, naïve café",
    "日本語のテキスト",
    "a 🦀, a 👩‍🚀 and\n\n\ta tab",
    " leading space",
)


def exported_decoders(path: Path) -> list[Artifact]:
    """The decoders that edgekit exported; none is no error.

    Args:
        path: a folder with `genai_config.json`, its graph, a package; or a folder of results with them.

    Raises:
        ModelError: one is damaged.
    """
    from edgekit.metadata import read_signature
    from edgekit.runtimes.coreml_program import coreml_metadata
    from edgekit.stages.decoder_artifacts import GRAPH, describe_decoder

    folder = path.parent if path.name == GRAPH else path
    if (folder / "genai_config.json").is_file():
        return [describe_decoder(folder)]
    packages = [path] if path.suffix == ".mlpackage" else sorted(path.rglob("*.mlpackage"))
    graphs = [p.parent for p in sorted(path.rglob("genai_config.json"))] if path.is_dir() else []
    tasks = [read_signature(coreml_metadata(p), path=p).task for p in packages]
    found = graphs + [p for p, task in zip(packages, tasks, strict=True) if task == "text-generation"]
    left_out = {"rejected", "kits", ".edgekit"}
    return [describe_decoder(p) for p in found if not left_out & set(p.relative_to(path).parts)]


def folder_of(found: Sequence[Artifact], path: Path) -> Path:
    """Where kits go where no results folder is known: beside a decoder and never into its own folder.

    Args:
        found: as `exported_decoders` gave them for `path`.
    """
    alone = [one.path for one in found if one.path in (path, path.parent)]
    return alone[0].parent if alone else path


def proved(artifact: Artifact, home: Path | None) -> tuple[Artifact, DecoderParity] | None:
    """The artifact under the name that it was verified by, and its verdict; None: no record of one.

    Args:
        home: the results folder that it was exported into.
    """
    for record in sorted((home / ".edgekit" / "stages").glob("verify-*.json")) if home else []:
        try:
            told = read_json(record)["result"]
            if told["sha256"] != artifact.sha256:
                continue
            parity = from_json(DecoderParity, told)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # of another kind, cut short, or of an older version: as good as not verified
        return replace(artifact, name=parity.artifact), parity
    return None


def chosen_decoder(
    found: Sequence[Artifact], path: Path, home: Path | None, platform: str, against: Path | str | None
) -> tuple[Artifact, DecoderParity]:
    """The decoder that a platform's kit carries: of several the smallest that passed.

    Args:
        found: as `exported_decoders` gave them for `path`.
        against: the model to verify it against; it is read anew even where a verdict is recorded.

    Raises:
        ModelError: none fits, or whether it is right is not known.
    """
    from edgekit.stages.bundling import fitting
    from edgekit.stages.decoder_artifacts import verify_decoder

    targets = KIT_TARGETS[platform]
    suited = [one for one in found if one.target in targets]
    if against is not None and len(suited) == 1:
        return verify_decoder(suited[0].path, against=against)
    known = {one.sha256: told for one in suited if (told := proved(one, home)) is not None}
    passed = fitting((told[0] for told in known.values() if told[1].passed), platform)
    if passed is not None:
        return known[passed.sha256]
    if len(known) == 1 and len(suited) == 1:
        return next(iter(known.values()))  # the kit's writer says which gate failed
    raise ModelError(
        f"{path} has no verified {' or '.join(targets)} decoder, which a kit for {platform} carries "
        f"({len(found)} exported decoders, {len(known)} of them verified).",
        remedy=f"Make one with `edgekit export … --target {targets[-1]}`, or name one of them, and give the "
        "model that it was made from with --against; it is verified first.",
    )


def bundle_decoder(
    artifact: Artifact,
    parity: DecoderParity,
    folder: Path,
    *,
    platform: str,
    name: str,
    texts: Sequence[str],
    licences: Mapping[str, str | None],
    ort: bool = False,
) -> Bundle:
    """Writes the kit of one platform around a decoder.

    Args:
        artifact: its tokenizer lies in its folder, or beside its package.
        folder: becomes the kit.
        texts: prompts as the app will meet them; the model writes on after each of them. Built-in ones when
            empty.
        ort: is refused.

    Raises:
        GateFailed: the artifact did not pass.
        ExportError: the platform has no kit for it, or its tokenizer has a part that kits don't know.
    """
    from edgekit.kits.manifest import require_parity

    require_parity(artifact, parity)  # before minutes go into tokenizer tables
    if ort:
        raise ExportError(
            "A decoder's kit has no form in ONNX Runtime's own format.", remedy="Leave --ort out."
        )
    if artifact.target not in KIT_TARGETS[platform]:
        raise ExportError(
            f"{artifact.path.name} is for {artifact.target}; a kit for {platform} carries "
            f"{KIT_TARGETS[platform][-1]}.",
            remedy=f"Export the model with --target {KIT_TARGETS[platform][-1]}, and bundle that.",
        )
    parts = generator_parts(artifact, parity, name=name, texts=texts, licences=licences)
    if platform == "web":
        parts = replace(parts, generation_golden=with_unrounded(parts))
    return _writer(platform)(parts, folder)


def _writer(platform: str) -> Callable[..., Bundle]:
    if platform == "swift":
        from edgekit.kits.swift import write_swift_generator

        return write_swift_generator
    if platform == "android":
        from edgekit.kits.android import write_android_generator

        return write_android_generator
    from edgekit.kits.web import write_web_generator

    return write_web_generator


def generator_parts(
    artifact: Artifact,
    parity: DecoderParity,
    *,
    name: str,
    texts: Sequence[str] = (),
    licences: Mapping[str, str | None] | None = None,
) -> GeneratorParts:
    """Probes a decoder's tokenizer and chat template, and lets the artifact write on after prompts, here.

    Raises:
        ExportError: its tokenizer has a part that kits don't know.
        ModelError: it can't be opened.
    """
    from edgekit.kits.generation.chat import probe_chat
    from edgekit.kits.generation.interface import describe_generation
    from edgekit.kits.generation.parts import GeneratorParts
    from edgekit.kits.generation.text import token_pieces
    from edgekit.kits.tokenizer import build_tables, golden_vectors, load
    from edgekit.runtimes.decoder import open_decoder

    opened = open_decoder(artifact.path, threads=1)
    tokenizer = artifact.path.parent if artifact.path.suffix == ".mlpackage" else artifact.path
    progress.say(f"Probing the tokenizer of {artifact.name}")
    width = next(spec.shape[-1] for spec in artifact.signature.outputs if spec.name == "logits")
    vocabulary = width if isinstance(width, int) else len(opened.processor)
    pieces, strip = token_pieces(opened.processor, vocabulary=vocabulary)
    generation = describe_generation(
        artifact, pieces=pieces, strip=strip, stop_ids=opened.stop_ids, chat=probe_chat(opened.processor)
    )
    prompts = tuple(texts) or PROMPTS
    return GeneratorParts(
        artifact=artifact,
        parity=parity,
        tables=build_tables(tokenizer, whole=True),
        generation=generation,
        golden=golden_vectors(load(tokenizer, whole=True)),
        generation_golden=_golden(opened, generation.chat, prompts, WRITTEN[artifact.target], vocabulary),
        name=name,
        licences=dict(licences or {}),
    )


def _golden(
    opened: OpenDecoder, chat: Any, prompts: Sequence[str], written: int, vocabulary: int
) -> GenerationGolden:
    from edgekit.kits.generation.golden import GenerationGolden, Prompted
    from edgekit.runtimes.decoder_generate import prompt_ids

    processor = opened.processor
    plain = [Prompted(text, tuple(prompt_ids(processor, text))) for text in (*prompts, *_STREAMED)]
    said = [
        tuple(zip(roles, (*prompts[:2], *_STREAMED), strict=False))
        for roles in (("user",), ("user", "assistant", "user"), ("system", "user", "assistant", "user"))
        if chat is not None and ("start", roles[0]) in chat.joints
    ]
    chats = [
        Prompted(turns, tuple(processor(chat.prompt(turns), add_special_tokens=False)["input_ids"]))
        for turns in said
    ]
    asked = [one.ids for one in (*plain[: len(prompts)][:8], *chats[:1])]
    asked = [ids for ids in asked if len(ids) < opened.runner.context]
    continued = []
    with progress.bar("Write on after prompts", len(asked), "texts") as bar:
        for ids in asked:
            continued.append(continuation(opened, ids, written))
            bar.advance()
    choose = random.Random(0)
    streams: list[tuple[tuple[str, ...], tuple[int, ...]]] = [((), one.ids) for one in plain]
    streams += [((), tuple(choose.choices(range(vocabulary), k=12))) for _ in range(20)]
    streams += [((), one.ids) for one in continued]
    whole = plain[0].ids + plain[1].ids
    text = str(processor.decode(whole, skip_special_tokens=True))
    streams += [((text[3:7], "never"), whole), (("é", text[-3:] + "?"), whole), ((text[:1],), whole)]
    return GenerationGolden((*plain, *chats), tuple(streams), tuple(_chosen()), tuple(continued))


def with_unrounded(parts: GeneratorParts) -> GenerationGolden:
    """The golden vectors, with what the artifact writes if inputs of products are not rounded to int8."""
    import shutil
    from tempfile import TemporaryDirectory

    import onnx

    from edgekit.runtimes.decoder import open_decoder
    from edgekit.stages.decoder_artifacts import GRAPH

    golden, source = parts.generation_golden, parts.artifact.path
    if parts.artifact.size_bytes > MOST_BYTES:
        return golden
    model = onnx.load(source / GRAPH)
    rounding = [a for node in model.graph.node for a in node.attribute if a.name == "accuracy_level"]
    if not rounding:
        return golden
    for attribute in rounding:
        attribute.i = 0
    with TemporaryDirectory() as folder:
        for file in source.iterdir():
            if file.suffix in (".json", ".jinja"):
                shutil.copy(file, folder)
        onnx.save(model, Path(folder) / GRAPH)
        opened = open_decoder(Path(folder), threads=1)
        found = []
        with progress.bar("Write on as WebAssembly does", len(golden.continued), "texts") as bar:
            for one in golden.continued:
                found.append(continuation(opened, one.prompt, UNROUNDED))
                bar.advance()
    return replace(golden, unrounded=tuple(found))


def continuation(opened: OpenDecoder, prompt: Sequence[int], most: int) -> Continued:
    """What a decoder writes on, each time the likeliest token, up to `most` tokens or a stop token."""
    import numpy as np

    from edgekit.kits.generation.golden import Continued

    runner = opened.runner
    length = min(len(prompt) + most, runner.context)
    runner.begin(length)
    logits = runner.extend(prompt)[-1]
    ids, margins = list[int](), list[float]()
    while len(prompt) + len(ids) < length:
        ids.append(int(logits.argmax()))
        second, first = np.partition(logits, -2)[-2:]
        margins.append(float(first - second))
        if ids[-1] in opened.stop_ids or len(prompt) + len(ids) == length:
            break
        logits = runner.extend(ids[-1:])[-1]
    return Continued(tuple(prompt), tuple(ids), tuple(margins))


def _chosen() -> list[Chosen]:
    """Every setting alone and together, by the function that `edgekit generate` chooses with."""
    import numpy as np

    from edgekit.kits.generation.golden import Chosen
    from edgekit.kits.generation.random import KitRandom
    from edgekit.runtimes.decoder_sampling import Sampling, choose

    made = []
    settings = [
        Sampling(),
        Sampling(repetition_penalty=2.0),
        Sampling(temperature=1.0),
        Sampling(temperature=0.5, seed=2**53 - 1),
        Sampling(temperature=1.5, top_k=3, seed=1),
        Sampling(temperature=1.0, top_p=0.7, seed=2),
        Sampling(temperature=1.0, min_p=0.2, seed=3),
        Sampling(
            repetition_penalty=1.3, temperature=0.8, top_k=12, top_p=0.9, min_p=0.05, seed=1_234_567_890_123
        ),
    ]
    for number, one in enumerate(settings):
        # Of a sixteenth, so that every number is the same in 32 and 64 bits; equal ones are among them.
        logits = np.random.default_rng(number).integers(-80, 80, size=40) / np.float32(16)
        seen, seed = (3, 5, 8, int(logits.argmax())), one.seed or 0
        draws: Any = KitRandom(seed)
        ids = tuple(choose(logits.astype(np.float32), one, seen, draws) for _ in range(12))
        made.append(
            Chosen(
                penalty=one.repetition_penalty,
                temperature=one.temperature,
                top_k=one.top_k,
                top_p=one.top_p,
                min_p=one.min_p,
                seed=seed,
                seen=seen,
                logits=tuple(map(float, logits)),
                ids=ids,
            )
        )
    return made
