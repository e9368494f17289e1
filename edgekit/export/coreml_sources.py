"""Which PyTorch code made each operation of a Core ML package: recorded at export, traced again to compare.

Names alone don't say it: coremltools calls a transpose that it made itself `transpose_7`, and torch has a
`transpose_7` of its own elsewhere. coremltools does carry a node's `debug_handle` through every pass, so each
node gets its number as one before the conversion, and afterwards each operation tells where it came from.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError, first_line
from edgekit.quiet import quiet
from edgekit.types import OperationSource, TracedTensor

SOURCES_KEY = "edgekit.sources"
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_WRAPPER = "model."  # the exporter's own module around the one that it was given
# Passes name transposes anew each time they run, and a compressed package has been through them once more.
_UNRECORDED = ("const", "transpose")
_NEAR = 4  # steps back from a node within which its constants still count as its own


def mark_sources(program: Any) -> None:
    """Numbers the nodes of a `torch.export` program, before its conversion; a TorchScript graph has none."""
    if hasattr(program, "graph_signature"):
        for number, node in enumerate(program.graph.nodes):
            node.meta["debug_handle"] = number


def record_sources(program: Any, converted: Any) -> Any:
    """Writes into a package's metadata which module and line each operation came from.

    Args:
        program: numbered by `mark_sources` before it was converted.
        converted: the coremltools model that came of it; only its metadata changes.

    Returns:
        `converted`.
    """
    if not hasattr(program, "graph_signature"):
        return converted
    nodes, keys, places = list(program.graph.nodes), node_keys(program), _Places()
    told: dict[str, tuple[int, int]] = {}  # output name → indices of its module and its line
    claims: dict[str, str] = {}  # key of a node → the output that holds the same tensor
    for op, handles in _handled(converted):
        node = nodes[max(handles)]
        module, line = places.module(_module(node)), places.line(_line(node))
        for var in op.outputs:
            told[var.name] = (module, line)
            # Of several operations made for one node the last holds its result; an inserted cast never does.
            if node in keys and op.op_type != "cast" and _compatible(var, node):
                claims[keys[node]] = var.name
    same = {name: key for key, name in claims.items()}
    value = {
        "modules": places.modules,
        "lines": places.lines,
        "outputs": {name: [*where, *([same[name]] if name in same else [])] for name, where in told.items()},
    }
    packed = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 9)
    converted.user_defined_metadata[SOURCES_KEY] = base64.b85encode(packed).decode()
    return converted


def read_sources(metadata: Mapping[str, str]) -> dict[str, OperationSource]:
    """Output name → where it came from; empty for a package in which nothing was recorded.

    Raises:
        ModelError: what was recorded is damaged.
    """
    if SOURCES_KEY not in metadata:
        return {}
    try:
        told = json.loads(zlib.decompress(base64.b85decode(metadata[SOURCES_KEY])))
        return {
            name: OperationSource(told["modules"][m], told["lines"][n], *key)
            for name, (m, n, *key) in told["outputs"].items()
        }
    except (ValueError, zlib.error, KeyError, IndexError, TypeError) as error:
        raise ModelError(
            f"The package's record of its sources ({SOURCES_KEY}) is damaged: {first_line(error)}",
            remedy="Export the package again.",
        ) from error


def node_keys(program: Any) -> dict[Any, str]:
    """Node → a name that is the same whenever the same module is exported: `linear.default#3`.

    Torch's own node names count symbols too, so that `add_72` of a dynamic export is `add_8` of a fixed one.
    """
    import torch

    seen: Counter[str] = Counter()
    found = {}
    for node in program.graph.nodes:
        if node.op == "call_function" and isinstance(node.meta.get("val"), torch.Tensor):
            target = str(node.target).removeprefix("aten.")
            found[node] = f"{target}#{seen[target]}"
            seen[target] += 1
    return found


def trace_tensors(module: Any, inputs: Sequence[Any]) -> list[TracedTensor]:
    """Runs a module as it is exported for Core ML, and keeps every intermediate tensor.

    Args:
        module: in evaluation mode, on the CPU.
        inputs: its positional inputs, tensors.

    Raises:
        ModelError: the module can't be traced by torch.export.
    """
    import torch

    from edgekit.export.coreml_convert import write_out_gelu

    try:
        with quiet(), torch.no_grad():
            program = torch.export.export(module, tuple(inputs)).run_decompositions(
                {torch.ops.aten.gelu.default: write_out_gelu}
            )
            values = _run(program, inputs)
    except Exception as error:
        raise ModelError(
            f"The reference can't be traced by torch.export: {first_line(error)}",
            remedy="Its inner tensors can't be compared; its outputs still are.",
        ) from error
    parameters = {
        spec.arg.name: str(spec.target)
        for spec in program.graph_signature.input_specs
        if spec.target is not None
    }
    return [
        TracedTensor(
            name=node.name,
            key=key,
            value=values[node].detach(),
            module=_module(node),
            line=_line(node),
            weights={
                parameters[source.name]: values[source].detach()
                for source in node.all_input_nodes
                if source.name in parameters and isinstance(values[source], torch.Tensor)
            },
            scalars=tuple(_scalars(node, _NEAR)),
        )
        for node, key in node_keys(program).items()
    ]


def _run(program: Any, inputs: Sequence[Any]) -> dict[Any, Any]:
    """The value of every node."""
    import torch

    class Keeping(torch.fx.Interpreter):
        def __init__(self) -> None:
            super().__init__(program.graph_module, garbage_collect_values=False)

    given = iter(inputs)
    held = {**program.state_dict, **program.constants}
    arguments = [
        next(given) if spec.kind.name == "USER_INPUT" else held.get(str(spec.target))
        for spec in program.graph_signature.input_specs
    ]
    interpreter = Keeping()
    interpreter.run(*arguments)
    return interpreter.env


def _scalars(node: Any, steps: int) -> Iterator[float]:
    yield from (value for value in node.args if isinstance(value, float))
    if steps > 1:
        for source in node.all_input_nodes:
            yield from _scalars(source, steps - 1)


def _handled(converted: Any) -> Iterator[tuple[Any, list[int]]]:
    from coremltools.converters.mil.mil.scope import ScopeSource

    for function in converted._mil_program.functions.values():
        for op in _operations(function):
            handles = [h for h in op.scopes.get(ScopeSource.EXIR_DEBUG_HANDLE, ()) if h is not None]
            if handles and op.op_type not in _UNRECORDED:
                yield op, handles


def _operations(block: Any) -> Iterator[Any]:
    for op in block.operations:
        yield op
        for nested in op.blocks:
            yield from _operations(nested)


def _compatible(var: Any, node: Any) -> bool:
    """Whether both have the same rank, and the same extents where those are known."""
    shape, other = var.shape, node.meta["val"].shape
    return shape is not None and len(shape) == len(other) and all(
        a == b for a, b in zip(shape, other, strict=True) if isinstance(a, int) and isinstance(b, int)
    )  # fmt: skip


class _Places:
    """Modules and lines, each written once."""

    def __init__(self) -> None:
        self.modules: list[str] = []
        self.lines: list[str] = []

    def module(self, name: str) -> int:
        return self._index(self.modules, name)

    def line(self, name: str) -> int:
        return self._index(self.lines, name)

    def _index(self, known: list[str], name: str) -> int:
        if name not in known:
            known.append(name)
        return known.index(name)


def _module(node: Any) -> str:
    """Dotted path of the innermost module whose code made a node; "" for the outermost."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path = str(stack[-1][0]) if stack else ""
    return "" if path.startswith("_") else path.removeprefix(_WRAPPER)


def _line(node: Any) -> str:
    """`package/file.py:12`, the innermost line outside torch itself; "" when none was recorded."""
    frames = [
        (f, n) for f, n in _FRAME.findall(node.meta.get("stack_trace") or "") if not f.startswith("torch/")
    ]
    own = [(f, n) for f, n in frames if "/torch/" not in f.replace("\\", "/")]
    chosen = (own or frames)[-1:]
    return "".join(f"{_qualified(file)}:{number}" for file, number in chosen)


def _qualified(file: str) -> str:
    """A file's path below its package: nothing about the machine goes into a package."""
    for name, module in list(sys.modules.items()):
        if vars(module).get("__file__") == file and not name.endswith("_main__"):
            return f"{name.replace('.', '/')}{'/__init__' if Path(file).stem == '__init__' else ''}.py"
    return Path(file).name
