"""`to_yaml`: a recipe with every default and override written out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

if TYPE_CHECKING:
    from edgekit.recipe.schema import Recipe


class _Representer(SafeRepresenter):
    """A class of its own, because ruamel keeps representers by class: others' YAML stays as it is."""

    def text(self, text: str) -> ScalarNode:
        # Line separators such as U+0085 are only safe as escapes, which double quotes alone have.
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Representer.add_representer(str, _Representer.text)


def to_yaml(recipe: Recipe) -> str:
    """YAML of every field, in the schema's order. `load_recipe` of it gives an equal recipe."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # keep the schema's order
    yaml.width = 1 << 20  # never fold: folding at odd blanks is where YAML writers lose characters
    stream = io.StringIO()
    yaml.dump(recipe.model_dump(mode="json"), stream)
    return stream.getvalue()
