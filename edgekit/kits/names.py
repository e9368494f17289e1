"""Names that people chose, inside generated code: as string literals and as identifiers.

Labels come from anywhere, and code that a kit generates from them must compile and read as it runs: a quote
must not end a literal, and a right-to-left mark must not reorder a line (https://trojansource.codes).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence

MOST_CASES = 1000  # labels of an enumeration; Swift's time grows with their square, the JVM ends near 2,500
LONGEST = 60  # characters of an identifier

_SWIFT = """
    Any Self Type Protocol actor as associatedtype async await borrowing break case catch class
    consuming continue convenience default defer deinit didSet do dynamic else enum extension
    fallthrough false fileprivate final for func get guard if import in indirect infix init inout
    internal is isolated lazy let macro mutating nil nonisolated nonmutating open operator optional
    override package postfix precedencegroup prefix private protocol public repeat required rethrows
    return self set some static struct subscript super switch throw throws true try typealias unowned
    var weak where while willSet none allCases description hash hashValue id name names rawValue
"""
SWIFT_WORDS = frozenset(_SWIFT.split())
_KOTLIN = """
    abstract actual annotation as break by catch class companion const constructor continue crossinline
    data delegate do dynamic else enum expect external false field file final finally for fun get if
    import in infix init inline inner interface internal is it lateinit noinline null object open
    operator out override package param private property protected public receiver reified return sealed
    set setparam super suspend tailrec this throw true try typealias typeof val value vararg var when
    where while id name entries ordinal valueOf values declaringClass declaringJavaClass compareTo
    equals hashCode toString
"""
KOTLIN_WORDS = frozenset(_KOTLIN.split())

# Letters that Swift, Kotlin on any JVM and TypeScript all take in identifiers, and that read left to right.
_LETTERS = "A-Za-zÀ-ÖØ-öø-ɏͰ-ϿЀ-ԧぁ-ゖァ-ヺ一-龥가-힣"
_WORD = re.compile(f"[{_LETTERS}0-9]+")
_VALID = re.compile(f"[{_LETTERS}_][{_LETTERS}0-9_]*")


def swift_literal(text: str) -> str:
    r"""`text` as a Swift string literal, quotes included; lone surrogates become U+FFFD."""
    special = {'"': '\\"', "\\": "\\\\"}  # the backslash also begins an interpolation, `\(…)`
    return _literal(text, special, lambda c: f"\\u{{{ord(c):x}}}")


def kotlin_literal(text: str) -> str:
    """`text` as a Kotlin string literal, quotes included; lone surrogates become U+FFFD."""
    return _literal(text, {'"': '\\"', "\\": "\\\\", "$": "\\$"}, _utf16_escapes)


def ts_literal(text: str) -> str:
    """`text` as a TypeScript string literal, quotes included; lone surrogates become U+FFFD."""
    return _literal(text, {'"': '\\"', "\\": "\\\\"}, _utf16_escapes)


def identifiers(
    names: Sequence[str], *, reserved: Collection[str], upper: bool = False, fallback: str = "label"
) -> tuple[str, ...]:
    """A valid, unique identifier for every name: "Sci/Tech" → `sciTech`, "5 stars" → `_5Stars`.

    Args:
        names: any texts, equal ones among them.
        reserved: words of the language that it can't use; `SWIFT_WORDS` …
        upper: SCI_TECH instead of sciTech.
        fallback: what a name without usable letters is called, with its number from 0: `label3`.
    """
    taken: set[str] = set()
    copies: dict[str, int] = {}
    found = []
    for number, name in enumerate(names):
        words = _words(name)
        made = "_".join(w.upper() for w in words) if upper else _camel(words)
        made = made[:LONGEST].rstrip("_")
        if made[:1].isdigit():
            made = "_" + made
        if not _VALID.fullmatch(made) or not made.strip("_"):
            made = f"{fallback.upper()}_{number}" if upper else f"{fallback}{number}"
        found.append(_unique(f"{made}_" if made in reserved else made, taken, copies))
    return tuple(found)


def type_name(name: str, *, reserved: Collection[str], fallback: str) -> str:
    """A name for a module or type, ASCII: "movie-reviews" → `MovieReviews`."""
    made = "".join(w[0].upper() + w[1:] for w in _words(name) if w.isascii())[:LONGEST]
    if not made or made[0].isdigit():
        made = fallback + made
    return f"{made}Kit" if made in reserved else made


def _literal(text: str, special: dict[str, str], escape: Callable[[str], str]) -> str:
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return '"' + "".join(special.get(c) or (c if _shown(c) else escape(c)) for c in whole) + '"'


def _shown(character: str) -> bool:
    """Whether it is seen as itself: no control, no mark on its neighbour, no odd space, none unassigned."""
    return character == " " or unicodedata.category(character)[0] in "LNPS"


def _utf16_escapes(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _words(name: str) -> list[str]:
    text = unicodedata.normalize("NFKC", name[: 4 * LONGEST])
    # The ranges above also hold a few marks and code points that are not assigned.
    return _WORD.findall("".join(_ascii_letter(c) or (c if c.isalnum() else " ") for c in text))


def _ascii_letter(character: str) -> str:
    """The letter under an accent: é → e; "" when it is none of a to z."""
    base = unicodedata.normalize("NFD", character)[0]
    return base if base.isascii() and base.isalpha() else ""


def _camel(words: Iterable[str]) -> str:
    cased = [w.lower() if w.isupper() else w for w in words]
    return "".join(w[0].lower() + w[1:] if i == 0 else w[0].upper() + w[1:] for i, w in enumerate(cased))


def _unique(name: str, taken: set[str], copies: dict[str, int]) -> str:
    made = name
    while made in taken:
        copies[name] = copies.get(name, 1) + 1
        made = f"{name}_{copies[name]}"
    taken.add(made)
    return made
