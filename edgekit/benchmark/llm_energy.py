"""Energy that the platform's own meters count; None where there are none, or they may not be read."""

from __future__ import annotations

from pathlib import Path

_POWERCAP = Path("/sys/class/powercap")


class EnergyMeter:
    """Joules of whole processor packages, by Linux's powercap (Intel and AMD RAPL).

    Whatever else runs there is counted too. macOS tells only `powermetrics`, which asks for an administrator.
    """

    def __init__(self, folder: Path = _POWERCAP) -> None:
        found = [p for p in sorted(folder.glob("*-rapl:*")) if p.name.count(":") == 1]  # packages, not parts
        self._zones = [(p / "energy_uj", p / "max_energy_range_uj") for p in found]
        self._before = self._read()

    def start(self) -> None:
        """From here on."""
        self._before = self._read()

    def joules(self) -> float | None:
        """Since `start`."""
        now = self._read()
        if not now or not self._before:
            return None
        ranges = [int(most.read_text(encoding="utf-8")) for _, most in self._zones]
        # A counter begins anew at its range.
        pairs = zip(now, self._before, ranges, strict=True)
        return sum((after - before) % most for after, before, most in pairs) / 1e6

    def _read(self) -> list[int]:
        try:
            return [int(counter.read_text(encoding="utf-8")) for counter, _ in self._zones]
        except OSError:  # root alone may read them since 2020 (CVE-2020-8694)
            return []
