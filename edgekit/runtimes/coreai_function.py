"""The function of a Core AI asset, called as a plain function; Apple's runtime is asynchronous.

coreai-core executes assets on Linux as well, on the CPU and much slower than a device would: what it answers
can be compared with the model, and its times say nothing.
"""

from __future__ import annotations

import asyncio
import json
import threading
import weakref
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.errors import MissingExtra, ModelError, first_line
from edgekit.files import sha256_file
from edgekit.quiet import hush, quiet, quiet_natively

if TYPE_CHECKING:
    import numpy as np

MAIN = "main"


def coreai_metadata(path: Path) -> Mapping[str, str]:
    """What an asset's writer put into its metadata; needs no package.

    Raises:
        ModelError: no such asset, or damaged.
    """
    try:
        told = json.loads((path / "metadata.json").read_text(encoding="utf-8"))
        return dict(told.get("creatorDefinedMetadata", {}))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(
            f"{path} is not a readable Core AI asset: {first_line(error)}",
            remedy="Export it again; it may be cut short.",
        ) from error


def check_whole(path: Path) -> None:
    """Compares an asset's program with the hash beside it; Core AI's reader takes the process down otherwise.

    Raises:
        ModelError: a file is missing, or the program is another.
    """
    program, told = path / "main.mlirb", path / "main.hash"
    if not program.is_file() or not told.is_file():
        raise ModelError(f"{path} is no whole Core AI asset.", remedy="Export it again; it may be cut short.")
    if sha256_file(program) != told.read_bytes().hex():
        raise ModelError(
            f"{path}: the program is not the one that was written: its sha256 is another.",
            remedy="Export it again, or copy it again; it may be cut short.",
        )


class AssetFunction:
    """The `main` function of an `.aimodel`, compiled for this machine and held open.

    Raises:
        ModelError: the asset is damaged, or can't be loaded.
        MissingExtra: Core AI's packages are not installed.
    """

    def __init__(self, path: Path) -> None:
        check_whole(path)
        hush()
        try:
            with quiet():
                from coreai import _version
                from coreai.authoring.asset import AIModelAsset
        except ImportError as error:
            raise MissingExtra("coreai", extra="coreai", needed_for=f"Running {path.name}") from error
        self.name = f"coreai-core {_version.__version__} (CPU, fp32)"
        loop, stack = asyncio.new_event_loop(), AsyncExitStack()
        threading.Thread(target=loop.run_forever, daemon=True, name="coreai").start()
        self._loop = loop
        self._close = weakref.finalize(self, _close, loop, stack)

        async def opened() -> Any:
            asset = AIModelAsset.load(path.absolute())
            model = await stack.enter_async_context(asset.executable())
            return model.load_function(MAIN)

        try:
            with quiet_natively():
                self._function = self._wait(opened())
        except Exception as error:
            self._close()
            raise ModelError(
                f"{path} can't be loaded by Core AI's runtime: {first_line(error)}",
                remedy="Export it again; it may be cut short, or from another release.",
            ) from error

    def __call__(
        self, inputs: Mapping[str, np.ndarray], state: Mapping[str, Any] | None = None
    ) -> dict[str, np.ndarray]:
        """Inputs by name → outputs by name.

        Args:
            state: from `make_state`; the call changes it.
        """
        from coreai.runtime import NDArray

        given = {name: NDArray(value) for name, value in inputs.items()}
        found = self._wait(self._function(given, state=dict(state or {})))
        return {name: value.numpy() for name, value in found.items()}

    def make_state(self) -> dict[str, Any]:
        """Zeros for every state."""
        import numpy as np
        from coreai.runtime import NDArray

        told = self._function.desc
        shapes = {name: told.state_descriptor(name) for name in told.state_names}
        return {name: NDArray(np.zeros(s.shape, dtype=str(s.dtype))) for name, s in shapes.items()}

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _close(loop: asyncio.AbstractEventLoop, stack: AsyncExitStack) -> None:
    """Removes what was compiled, and ends the thread."""
    try:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
