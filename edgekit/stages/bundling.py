"""App kits as a stage: each platform's artifact, the texts that test it, and its recorded parity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit import progress
from edgekit.codec import from_json
from edgekit.decoder_parity import DecoderParity
from edgekit.errors import ExportError
from edgekit.files import read_json, sha256_json, size_bytes
from edgekit.recipe.schema.outputs import KIT_TARGETS
from edgekit.tasks import get_task
from edgekit.types import Artifact, Parity

if TYPE_CHECKING:
    from edgekit.kits.answers import Answer
    from edgekit.kits.manifest import Bundle
    from edgekit.report.document import KitRecord
    from edgekit.stages.artifacts import Built
    from edgekit.stages.context import Context
    from edgekit.stages.decoder_artifacts import BuiltDecoder

FOLDER = "kits"  # in a results folder
ANSWERS = 64  # texts whose answers a kit carries
# For a model whose own texts are not at hand: everyday sentences, from one word to three lines.
EVERYDAY = (
    "Yes.",
    "No, thank you.",
    "It rained all day.",
    "Where did you put the keys?",
    "The food was good, but we waited an hour for it.",
    "I can't recommend this enough!",
    "Nothing works as it is described on the box.",
    "Could someone call me back before 5 p.m. today?",
    "My order (no. 4711) arrived on 3 May, and one of the two lamps was broken.",
    "The second half drags, the ending is rushed, and still I left the cinema happy.",
    "Ça va? The café on the corner was closed, so we went to Zürich instead.",
    "She said: “I have read it twice, and I will read it again.”",
    "The committee meets on Tuesday to decide whether the bridge will be repaired or replaced, and how the "
    "city is to pay for either.",
    "It starts quickly, it is quiet, and the battery lasts through a working day; what I miss is a second "
    "port, a brighter screen, and a manual that was written by somebody who has used it.",
    "When the train stopped between two stations for the third time, nobody complained any more: some slept, "
    "some read, and an old man in the corner unpacked his dinner and offered half of it to the strangers "
    "around him.",
)


@dataclass(frozen=True, slots=True)
class Kit:
    """What became of one platform's kit in a run."""

    platform: str
    path: Path | None  # None: `missing` says why
    artifact: str
    size_bytes: int | None  # of the whole folder
    use: tuple[str, ...]  # lines for an app developer
    missing: str = ""


def bundle_all(context: Context, built: Sequence[Built | BuiltDecoder]) -> list[Kit]:
    """The kits that a recipe asks for, each around the smallest of the artifacts that passed."""
    parities: dict[str, Parity | DecoderParity]
    parities = {b.artifact.sha256: b.parity for b in built}
    found = []
    for platform in dict.fromkeys(context.recipe.kits):
        artifact = fitting([b.artifact for b in built], platform)
        if artifact is None:
            wanted = " or ".join(KIT_TARGETS[platform])
            why = f"No {wanted} artifact passed its gates." if built else "Nothing was exported."
            progress.say(f"No kit for {platform}: {why}")
            found.append(Kit(platform, None, "", None, (), why))
            continue
        found.append(_kit(context, platform, artifact, parities[artifact.sha256]))
    return found


def kit_records(kits: Sequence[Kit], folder: Path) -> list[KitRecord]:
    """What a report in `folder` tells of them."""
    from edgekit.report.document import KitRecord

    return [
        KitRecord(
            platform=kit.platform,
            path=kit.path.relative_to(folder).as_posix() if kit.path else None,
            artifact=kit.artifact,
            size_bytes=kit.size_bytes,
            use=kit.use,
            missing=kit.missing,
        )
        for kit in kits
    ]


def _kit(context: Context, platform: str, artifact: Artifact, parity: Parity | DecoderParity) -> Kit:
    from edgekit.stages.decoder_bundling import bundle_decoder

    folder = context.folder / FOLDER / platform
    writes = isinstance(parity, DecoderParity)
    # A decoder is asked to write on after prompts, which whole documents of the test split are not.
    texts = () if writes else context.splits.test.inputs[:ANSWERS]
    licences = {role: source.license for role, source in context.sources.items()}

    def make(key: str) -> dict[str, Any]:
        write: Callable[..., Bundle] = bundle_decoder if writes else bundle
        made = write(
            artifact,
            parity,
            folder,
            platform=platform,
            name=context.recipe.name,
            texts=texts,
            licences=licences,
        )
        return {"size_bytes": size_bytes(folder), "use": made.use}

    result = context.store.run(
        f"kit-{platform}",
        inputs={
            "artifact": artifact.sha256,
            "parity": parity,
            "name": context.recipe.name,
            "texts": sha256_json(texts),
            "licences": licences,
            "folder": str(folder),  # named in `use`
        },
        outputs=[folder],
        make=make,
        title=f"Kit for {platform}",
    )
    return Kit(platform, folder, artifact.name, result["size_bytes"], tuple(result["use"]))


def bundle(
    artifact: Artifact,
    parity: Parity,
    folder: Path,
    *,
    platform: str,
    name: str,
    texts: Sequence[Any],
    licences: Mapping[str, str | None],
    ort: bool = False,
) -> Bundle:
    """Writes the kit of one platform: probes the tokenizer, asks the artifact for answers, and packs both.

    Args:
        artifact: its tokenizer lies beside it.
        folder: becomes the kit.
        texts: pairs of texts, images or sounds, as the app will meet them; the first 64 are used.
        ort: Android alone: ship ONNX Runtime's own format.

    Raises:
        GateFailed: the artifact did not pass, or was not executed.
        ExportError: the platform has no kit for this artifact, or the tokenizer has a part that kits don't
            know.
    """
    from edgekit.kits.manifest import require_parity
    from edgekit.kits.tokenizer import build_tables, golden_vectors, load

    # Before minutes go into tokenizer tables.
    require_parity(artifact, parity)
    if artifact.target not in KIT_TARGETS[platform]:
        raise ExportError(
            f"{artifact.path.name} is for {artifact.target}; a kit for {platform} carries "
            f"{' or '.join(KIT_TARGETS[platform])}.",
            remedy=f"Export the model with --target {KIT_TARGETS[platform][0]}, and bundle that file.",
        )
    reads = get_task(artifact.signature.task).reads
    if reads != "text" and ort:
        raise ExportError(
            "Kits for images and sounds carry ONNX alone, not ONNX Runtime's own format.",
            remedy="Leave --ort out.",
        )
    if reads == "image":
        from edgekit.stages.image_bundling import bundle_images

        return bundle_images(
            artifact, parity, folder, platform=platform, name=name, images=texts, licences=licences
        )
    if reads == "audio":
        from edgekit.stages.audio_bundling import bundle_audio

        return bundle_audio(
            artifact, parity, folder, platform=platform, name=name, sounds=texts, licences=licences
        )
    tokenizer, limit = artifact.path.parent, artifact.signature.max_length
    progress.say(f"Kit for {platform}: probing the tokenizer")
    settings: dict[str, Any] = {"ort": True} if ort else {}
    return _writer(platform)(
        artifact,
        parity,
        build_tables(tokenizer, max_length=limit),
        folder,
        name=name,
        golden=golden_vectors(load(tokenizer, max_length=limit)),
        answers=answers_of(artifact, texts[:ANSWERS]),
        licences=licences,
        **settings,
    )


def _writer(platform: str) -> Callable[..., Bundle]:
    if platform == "swift":
        from edgekit.kits.swift import write_swift as write
    elif platform == "android":
        from edgekit.kits.android import write_android as write
    else:
        from edgekit.kits.web import write_web as write
    return write


def answers_of(artifact: Artifact, texts: Sequence[Any]) -> list[Answer]:
    """What the artifact answers to texts, or to pairs of texts, run here.

    Raises:
        ExportError: it can't be executed on this machine.
    """
    from edgekit.batches import pad_rows
    from edgekit.data.token_labels import word_starts
    from edgekit.data.tokens import tokenise
    from edgekit.kits.answers import Answer
    from edgekit.models.load import load_tokenizer
    from edgekit.runtimes import open_runner

    runner = open_runner(artifact.path, threads=1)
    processor = load_tokenizer(artifact.path.parent, uri=str(artifact.path.parent))
    signature, task = runner.signature, get_task(artifact.signature.task)
    limit, output = signature.max_length or int(processor.model_max_length), signature.outputs[0].name
    made = []
    with progress.bar(f"Answers of {artifact.name}", len(texts), "texts") as bar:
        for given in texts:
            text = " ".join(given.split()) if task.truth == "tags" else given
            [row] = tokenise(processor, [text], limit)
            found = runner.run(pad_rows([row], signature, pad_id=processor.pad_token_id))[output][0]
            tags = None
            if task.truth == "tags":
                _, [starts] = word_starts(processor, [text], limit)
                tags = [None if at is None else int(found[at].argmax()) for at in starts]
            first, second = (text, None) if isinstance(text, str) else text
            tokens = {spec.name: row[spec.name] for spec in signature.inputs}
            made.append(Answer(first, tokens, found.ravel().tolist(), pair=second, tags=tags))
            bar.advance()
    return made


def fitting(artifacts: Iterable[Artifact], platform: str) -> Artifact | None:
    """The smallest artifact that a platform's kit can carry; of two of a size, the first."""
    suited = [one for one in artifacts if one.target in KIT_TARGETS[platform]]
    return min(suited, key=lambda one: one.size_bytes, default=None)


def results_folder(path: Path) -> Path | None:
    """The nearest folder above `path`, or `path` itself, in which edgekit keeps records of its stages."""
    above = path.absolute()
    return next((p for p in (above, *above.parents) if (p / ".edgekit" / "stages").is_dir()), None)


def recorded_parities(folder: Path) -> dict[str, Parity]:
    """sha256 of an artifact → what verifying those bytes said, from a results folder."""
    found = {}
    for record in sorted((folder / ".edgekit" / "stages").glob("verify-*.json")):
        try:
            result = read_json(record)["result"]
            found[result["sha256"]] = from_json(Parity, result["parity"])
        except (ValueError, KeyError, TypeError):
            continue  # cut short, or of an older version: as good as not verified
    return found
