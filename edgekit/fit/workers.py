"""Further processes that work on the same search."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from edgekit import progress

_POLL_S = 2.0


@contextmanager
def helped(workers: int, work: Callable[..., None], *args: Any) -> Iterator[None]:
    """Runs `work(*args)` in `workers - 1` further processes beside the body, and waits for them after it.

    The cores are shared out among all. An interrupt, or the end of this process however it comes, ends them.
    """
    from multiprocessing import get_context

    import torch

    share = max(1, (os.cpu_count() or 1) // workers)
    if workers > 1:
        torch.set_num_threads(share)
    spawn = get_context("spawn")
    others = [spawn.Process(target=_work, args=(share, os.getpid(), work, args)) for _ in range(workers - 1)]
    for process in others:
        process.start()
    try:
        yield
        for process in others:
            process.join()
    finally:
        for process in others:
            process.terminate()
    failed = sum(bool(process.exitcode) for process in others)
    if failed:
        progress.say(f"{failed} of {len(others)} further workers ended with an error.")


def _work(threads: int, parent: int, work: Callable[..., None], args: tuple[Any, ...]) -> None:
    import signal
    import threading

    from edgekit.quiet import hush
    from edgekit.threads import share_cores

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_S)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    threading.Thread(target=end_with_parent, daemon=True).start()
    hush()
    share_cores()
    import torch

    torch.set_num_threads(threads)
    work(*args)
