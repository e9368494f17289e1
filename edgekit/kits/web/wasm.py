"""The same decoder as a graph for WebAssembly, which takes its weights apart once and not for every token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# WebAssembly has 4 GB; folding holds weights about twice, at four bytes each.
MOST_PARAMETERS = 300_000_000
_ZERO = {4: b"\x88", 8: b"\x80"}  # codes are symmetric around the middle


def unpacked_graph(source: Path, path: Path) -> bool:
    """Writes a graph whose 4-bit and 8-bit matrices are dequantized when a session is opened.

    ONNX Runtime has no kernel of WebAssembly for `MatMulNBits`: it dequantizes all weights for every token.

        MatMulNBits(x, codes, scales)  →  MatMul(x, Transpose(DequantizeLinear(codes, scales)))

    Constant folding computes what does not depend on x, if `session.disable_quant_qdq` keeps it from being
    taken for a quantized product. Codes and scales stay where they are, in the weights' file.

    Args:
        source: `model.onnx`, its weights in a file beside it.
        path: the new graph, to be put beside the same file.

    Returns:
        Whether it was written: False for a graph without such matrices, or with another kind of them.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(source, load_external_data=False)
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    packed = [node for node in graph.node if node.op_type == "MatMulNBits"]
    if not packed or any(any(name for name in node.input[3:]) for node in packed):
        return False

    def reshaped(name: str, kind: int, shape: tuple[int, int]) -> str:
        made = TensorProto()
        made.CopyFrom(stored[name])
        made.name, made.data_type = f"{name}.rows", kind
        made.ClearField("dims")
        made.dims.extend(shape)
        graph.initializer.append(made)
        return made.name

    nodes: list[Any] = []
    for node in graph.node:
        if node.op_type != "MatMulNBits":
            nodes.append(node)
            continue
        told = {a.name: a.i for a in node.attribute}
        rows, columns, size, bits = told["N"], told["K"], told["block_size"], told["bits"]
        kind, blocks = TensorProto.UINT4 if bits == 4 else TensorProto.UINT8, columns // size
        codes = reshaped(node.input[1], kind, (rows, columns))
        zero = TensorProto(name=f"{codes}.zero", data_type=kind, dims=(rows, blocks))
        zero.raw_data = _ZERO[bits] * ((rows * blocks * bits + 7) // 8)
        graph.initializer.append(zero)
        scales = reshaped(node.input[2], TensorProto.FLOAT, (rows, blocks))
        whole, turned = f"{codes}.whole", f"{codes}.turned"
        nodes += [
            helper.make_node(
                "DequantizeLinear", [codes, scales, zero.name], [whole], axis=1, block_size=size
            ),
            helper.make_node("Transpose", [whole], [turned], perm=[1, 0]),
            helper.make_node("MatMul", [node.input[0], turned], list(node.output)),
        ]
    graph.ClearField("node")
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    graph.ClearField("initializer")
    graph.initializer.extend(kept)
    onnx.save(model, path)
    return True
