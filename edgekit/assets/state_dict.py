"""A `.pth` file of tensors and nothing else, told by its opcodes alone: nothing is unpickled here.

A pickle names what it would call. One that names only the functions that rebuild tensors can't do anything
else, and is what `torch.load(weights_only=True)` reads later on.
"""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path
from typing import IO

ENDINGS = (".pth", ".pt")
_ALLOWED = {
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    *(("torch", f"{kind}Storage") for kind in ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Byte")),
}
_LEGACY_PICKLES = 5  # magic number, protocol, system, the state dict, its storages' keys
_CALLED_BY_NAME = ("INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")  # torch.save writes none of them


def holds_only_tensors(path: Path) -> bool:
    """Whether a file, as `torch.save` writes it, names nothing but what rebuilds tensors."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                pickles = [name for name in archive.namelist() if name.endswith(".pkl")]
                return bool(pickles) and all(_is_plain(archive.open(name)) for name in pickles)
        with path.open("rb") as stream:
            return all(_is_plain(stream) for _ in range(_LEGACY_PICKLES))
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, NotImplementedError):
        return False


def _is_plain(stream: IO[bytes]) -> bool:
    """Reads one pickle, up to its end."""
    plain = True
    for code, argument, _ in pickletools.genops(stream):
        if code.name == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            plain &= (module, name) in _ALLOWED
        plain &= code.name not in _CALLED_BY_NAME
    return plain
