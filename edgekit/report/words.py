"""Numbers for people. Rounding happens here and nowhere else; a missing number is an en dash."""

from __future__ import annotations

import unicodedata

from edgekit.files import human
from edgekit.tasks import METRIC_WORDS

MISSING = "–"
THIN = "\u202f"  # a narrow space that does not break, between a number and its unit


def visible(text: str) -> str:
    """Text with its invisible control characters written out.

    A label that holds a right-to-left override would otherwise reorder the text around it.
    """
    return "".join(_visible(c) for c in text)


def _visible(character: str) -> str:
    # Cc: C0/C1 controls; Cf: bidi marks and zero-width joiners; Cs: lone surrogates, not encodable as UTF-8.
    if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs"):
        return character
    return f"<U+{ord(character):04X}>"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 0–1 as `87.3 %`."""
    return MISSING if share is None else f"{share * 100:.{digits}f}{THIN}%"


def points(share: float | None) -> str:
    """A score of 0–1 in hundredths, without a unit: `87.3`."""
    return MISSING if share is None else f"{share * 100:.1f}"


def span(low: float | None, high: float | None, scale: float = 1.0, digits: int = 1) -> str:
    """An interval: `85.1 to 89.2`. "to", because a dash beside a minus sign is unreadable."""
    if low is None or high is None:
        return ""
    return f"{_signed_zero(low * scale, digits)} to {_signed_zero(high * scale, digits)}"


def number(value: float | None, digits: int = 1) -> str:
    """A plain number with a real minus sign."""
    return MISSING if value is None else _signed_zero(value, digits)


def change(value: float | None, digits: int = 1) -> str:
    """A difference with its sign: `+1.8`, `−0.4`, `0.0`."""
    if value is None:
        return MISSING
    text = _signed_zero(value, digits)
    return text if text.startswith("−") or float(text) == 0 else f"+{text}"


def _signed_zero(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def within(low: float | None, high: float | None, scale: float = 1.0, digits: int = 1, unit: str = "") -> str:
    """An interval with its level, for a sentence: `95 % interval 97.2 to 100.4 %`."""
    text = span(low, high, scale, digits)
    return f"95{THIN}% interval {text}{f'{THIN}{unit}' if unit else ''}" if text else ""


def tolerance(value: float | None) -> str:
    """An error or a limit: `3.1e−6`, `0.21`, `1`."""
    if value is None:
        return MISSING
    if value == 0 or abs(value) >= 1e-3:
        return f"{value:.3g}".replace("-", "−")
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}e{int(exponent)}".replace("-", "−")


def milliseconds(value: float | None) -> str:
    """Milliseconds without the unit: three figures below 10, one decimal above."""
    if value is None:
        return MISSING
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def size(count: int | None) -> str:
    """Bytes: `17.6 MB`."""
    return MISSING if count is None else human(count).replace(" ", THIN)


def count(value: int | None) -> str:
    """A whole number with thin thousands: `10 072`."""
    return MISSING if value is None else f"{value:,}".replace(",", THIN)


def millions(value: int | None) -> str:
    """A parameter count: `22.7 M`, or in full below a million."""
    if value is None:
        return MISSING
    return f"{value / 1e6:.1f}{THIN}M" if value >= 1_000_000 else count(value)


def times(value: float | None, digits: int = 1) -> str:
    """A ratio: `4.8×`."""
    return MISSING if value is None else f"{value:.{digits}f}×"


def seconds(value: float | None) -> str:
    """A duration: `4.2 s`, `3 min 20 s`."""
    if value is None:
        return MISSING
    if value < 60:
        return f"{value:.1f}{THIN}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}{THIN}min {rest:02d}{THIN}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{THIN}h {minutes:02d}{THIN}min"


def metric_words(metric: str | None) -> str:
    """A metric inside a sentence: `accuracy`, `micro F1`."""
    return METRIC_WORDS.get(metric or "", visible(metric or "").replace("_", " ").strip()) or "score"


def metric_name(metric: str | None) -> str:
    """A metric for a heading: `Accuracy`, `Micro F1`."""
    words = metric_words(metric)
    return words[:1].upper() + words[1:]


def in_words(names: list[str]) -> str:
    """A list in a sentence: `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
