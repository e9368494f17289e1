"""Published figures of Apple chips, each with who says so. A figure that nobody published is absent."""

from __future__ import annotations

from dataclasses import dataclass

DEVICES = "https://github.com/hollance/neural-engine/blob/master/docs/supported-devices.md"
M2 = "https://www.apple.com/newsroom/2022/06/apple-unveils-m2-with-breakthrough-performance-and-capabilities/"
M4 = "https://www.apple.com/newsroom/2024/05/apple-introduces-m4-chip/"


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip. Apple does not say for which precision a peak holds; the bound is one for any."""

    name: str
    peak_operations_per_second: float  # of the Neural Engine; a multiply-add counts as two
    peak_source: str
    bandwidth_bytes_per_second: float | None = None  # of main memory, shared by all units
    bandwidth_source: str | None = None


CHIPS = (
    Chip("A14", 11e12, f"Apple's announcement, collected at {DEVICES}"),
    Chip("A15", 15.8e12, f"Apple's announcement, collected at {DEVICES}"),
    Chip("A16", 17e12, f"Apple's announcement, collected at {DEVICES}"),
    Chip("A17 Pro", 35e12, f"Apple's announcement, collected at {DEVICES}"),
    Chip("A18", 35e12, f"Apple's announcement, collected at {DEVICES}"),
    Chip(
        "A18 Pro",
        35e12,
        "Apple's announcement, told at "
        "https://www.gadgets360.com/mobiles/news/apple-iphone-16-series-a18-pro-chipset-details-6530448",
    ),
    Chip(
        "M1",
        11e12,
        f"Apple's announcement, collected at {DEVICES}",
        68.25e9,
        "128 bits of LPDDR4X-4266, https://en.wikipedia.org/wiki/Apple_M1; Apple says only that M2's "
        f"100 GB/s is 50 percent more, {M2}",
    ),
    Chip("M2", 15.8e12, f"Apple, {M2}", 100e9, f"Apple, {M2}"),
    Chip(
        "M3",
        18e12,  # the larger of two published figures, so that the bound stays one
        "https://en.wikipedia.org/wiki/Neural_Engine, after Ars Technica, 7 May 2024",
        100e9,
        "Apple, https://support.apple.com/en-us/118551",
    ),
    Chip("M4", 38e12, f"Apple, {M4}", 120e9, f"Apple, {M4}"),
)
