"""The waiting policy reaches OpenMP, and a user's own choice wins."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = (
    "import os; from edgekit.threads import share_cores; share_cores();"
    "print(os.environ.get('GOMP_SPINCOUNT'))"
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_a_users_own_choice_wins(given: dict[str, str], expected: str) -> None:
    clean = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=clean | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected
