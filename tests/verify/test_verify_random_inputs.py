"""Inputs made up for a package that says nothing of its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types

from edgekit import mil
from edgekit.quiet import quiet
from edgekit.verify.random_inputs import random_inputs


def test_indices_stay_in_their_table_and_flexible_axes_vary_together(tmp_path: Path) -> None:
    length = get_new_symbol()
    specs = [mb.TensorSpec((1, length), types.int32), mb.TensorSpec((1, length), types.int32)]

    @mb.program(input_specs=specs, opset_version=ct.target.iOS17)
    def program(ids: Any, attention_mask: Any) -> Any:
        rows = mb.gather(x=np.random.rand(11, 4).astype(np.float32), indices=ids, axis=0)
        mask = mb.expand_dims(x=mb.cast(x=attention_mask, dtype="fp32"), axes=[2])
        return mb.mul(x=rows, y=mask, name="y")

    shape = (1, ct.RangeDim(2, 16, default=4))
    with quiet():
        package = ct.convert(
            program,
            minimum_deployment_target=ct.target.iOS17,
            inputs=[ct.TensorType(n, shape, dtype=np.int32) for n in ("ids", "attention_mask")],
            skip_model_load=True,
        )
        package.save(str(tmp_path / "m.mlpackage"))
    model = mil.load(tmp_path / "m.mlpackage")
    feeds = random_inputs(model)
    assert {f["ids"].shape for f in feeds} == {f["attention_mask"].shape for f in feeds}
    assert {f["ids"].shape[1] for f in feeds} == {7, 13, 16}
    assert max(f["ids"].max() for f in feeds) == 10 and min(f["ids"].min() for f in feeds) == 0
    assert any((f["attention_mask"] == 0).any() for f in feeds)
    for feed in feeds:
        assert model.predict(feed)["y"].shape == (*feed["ids"].shape, 4)
