"""How threads wait for each other: briefly awake, then asleep.

GNU OpenMP, which PyTorch's Linux builds use, lets a thread that waits at a barrier spin for about a
millisecond. On a machine that is busy with something else too (a shared CI box), the thread it waits for is
not running, and each of hundreds of barriers a second costs a time slice. Measured on 2 cores, training a
3-layer student: 13 samples/s beside three busy processes, and 108 with the limit below; alone 332 and 365.
"""

from __future__ import annotations

import os

SPINS = "3000"  # iterations; the default is 300,000


def share_cores() -> None:
    """Limits the spinning, unless the user chose a policy. Only works before PyTorch is imported."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
