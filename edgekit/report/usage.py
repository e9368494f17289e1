"""How to run the student from its folder, for its model card: a few lines for each task."""

from __future__ import annotations

import json
from dataclasses import dataclass

EXAMPLE = "A quiet triumph."
IMAGE = "photo.png"
SOUND = "clip.wav"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the Hub calls a task, and code for it."""

    tag: str  # the Hub's `pipeline_tag`
    library: str
    python: str  # `{cut}` stands for the tokenizer's settings
    answer: str  # what to print of an ONNX session's `outputs`
    labels: bool = True  # whether `answer` names classes
    text: str = EXAMPLE
    onnx: str = ""  # code of its own for an ONNX file; `{path}` stands for it


def _pipeline(tag: str, settings: str) -> str:
    return (
        "from transformers import pipeline\n\n"
        f'classify = pipeline("{tag}", model="."{settings})\n'
        f'print(classify("{EXAMPLE}"))'
    )


USAGE = {
    "text-classification": Usage(
        "text-classification",
        "transformers",
        _pipeline("text-classification", ", {cut}"),
        "print([labels[int(row.argmax())] for row in outputs])",
    ),
    "multi-label-classification": Usage(
        "text-classification",
        "transformers",
        _pipeline("text-classification", ', top_k=None, function_to_apply="sigmoid", {cut}'),
        "print([[labels[int(i)] for i in (row > 0).nonzero()[0]] for row in outputs])",
    ),
    "text-regression": Usage(
        "text-classification",
        "transformers",
        _pipeline("text-classification", ', function_to_apply="none", {cut}'),
        "print(outputs[:, 0])",
        labels=False,
    ),
    "token-classification": Usage(
        "token-classification",
        "transformers",
        _pipeline("token-classification", ""),
        "print([[labels[int(i)] for i in row.argmax(-1)] for row in outputs])",
    ),
    "sentence-embedding": Usage(
        "sentence-similarity",
        "sentence-transformers",
        "from sentence_transformers import SentenceTransformer\n\n"
        f'print(SentenceTransformer(".").encode(["{EXAMPLE}"]).shape)',
        "print(outputs.shape)",
        labels=False,
    ),
    "masked-lm": Usage(
        "fill-mask",
        "transformers",
        "from transformers import pipeline\n\n"
        'fill = pipeline("fill-mask", model=".")\n'
        'print(fill(f"A quiet {fill.tokenizer.mask_token}."))',
        'hidden = batch["input_ids"][0] == tokenizer.mask_token_id\n'
        "print(tokenizer.batch_decode(outputs[0][hidden].argmax(-1)[:, None]))",
        labels=False,
        text="A quiet [MASK].",
    ),
    "image-classification": Usage(
        "image-classification",
        "edgekit",
        f'from edgekit import predict\n\nprint(predict(".", ["{IMAGE}"])[0].label)',
        "",
        text=IMAGE,
        onnx="import json\n\n"
        "import numpy\n"
        "import onnxruntime\n"
        "from PIL import Image\n\n"
        'labels = json.load(open("config.json"))["id2label"]\n'
        'front = json.load(open("preprocessor_config.json"))\n'
        'short, side = front["size"]["shortest_edge"], front["crop_size"]["height"]\n'
        "session = onnxruntime.InferenceSession({path})\n\n"
        f'image = Image.open("{IMAGE}").convert("RGB")\n'
        "width, height = (n * short // min(image.size) for n in image.size)\n"
        "left, top = (width - side) // 2, (height - side) // 2\n"
        "image = image.resize((width, height), Image.Resampling.BILINEAR)\n"
        "image = image.crop((left, top, left + side, top + side))\n"
        'pixels = numpy.asarray(image, "float32").transpose(2, 0, 1)[None]  # 0-255; normalised inside\n'
        'outputs = session.run(None, {"pixel_values": pixels})[0]\n'
        "print(labels[str(outputs[0].argmax())])",
    ),
    "audio-classification": Usage(
        "audio-classification",
        "edgekit",
        f'from edgekit import predict\n\nprint(predict(".", ["{SOUND}"])[0].label)',
        "",
        text=SOUND,
        onnx="import json\n"
        "from math import gcd\n\n"
        "import numpy\n"
        "import onnxruntime\n"
        "from scipy.io import wavfile\n"
        "from scipy.signal import resample_poly\n\n"
        'labels = json.load(open("config.json"))["id2label"]\n'
        'front = json.load(open("preprocessor_config.json"))\n'
        "session = onnxruntime.InferenceSession({path})\n\n"
        f'rate, pcm = wavfile.read("{SOUND}")  # 16 bits\n'
        "mono = pcm.reshape(len(pcm), -1).mean(1) / 32768\n"
        'shared = gcd(rate, front["sampling_rate"])\n'
        'mono = resample_poly(mono, front["sampling_rate"] // shared, rate // shared)\n'
        'short = front["samples"] - len(mono)\n'
        "mono = numpy.pad(mono, (max(short, 0) // 2, max(short, 0) - max(short, 0) // 2))\n"
        "start = max(-short, 0) // 2\n"
        'samples = mono[None, start : start + front["samples"]].astype("float32")\n'
        'outputs = session.run(None, {"input_values": samples})[0]\n'
        "print(labels[str(outputs[0].argmax())])",
    ),
}


def onnx_code(usage: Usage, path: str, cut: str) -> str:
    """Python that runs an ONNX file with ONNX Runtime alone."""
    if usage.onnx:
        return usage.onnx.replace("{path}", json.dumps(path))
    front = "AutoConfig, AutoTokenizer" if usage.labels else "AutoTokenizer"
    names = 'labels = AutoConfig.from_pretrained(".").id2label\n' if usage.labels else ""
    text = json.dumps(usage.text)
    if usage.tag == "fill-mask":
        text = text.replace("[MASK]", '" + tokenizer.mask_token + "')
    return (
        "import onnxruntime\n"
        f"from transformers import {front}\n\n"
        'tokenizer = AutoTokenizer.from_pretrained(".")\n'
        f"{names}"
        f"session = onnxruntime.InferenceSession({json.dumps(path)})\n\n"
        f'batch = tokenizer([{text}], padding=True, {cut}, return_tensors="np")\n'
        'integers = {"tensor(int32)": "int32", "tensor(int64)": "int64"}\n'
        "feed = {i.name: batch[i.name].astype(integers[i.type]) for i in session.get_inputs()}\n"
        "outputs = session.run(None, feed)[0]\n"
        f"{usage.answer}"
    )
