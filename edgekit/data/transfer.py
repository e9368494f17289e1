"""Transfer texts: unlabelled rows for the teacher to label, none of which stands in a labelled split."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.data.read import read_rows
from edgekit.data.rows import Text, text_key
from edgekit.data.table import Table, name_rows
from edgekit.data.textfile import open_text
from edgekit.errors import DataError
from edgekit.recipe.schema import Data, Unlabelled
from edgekit.types import Split, Splits

# Reasons in `Splits.dropped`, with the prefix "unlabelled_".
EMPTY_TEXT = "empty_text"
BROKEN_TEXT = "broken_text"  # half a surrogate pair: no tokenizer takes it
DUPLICATE_TEXT = "duplicate_text"
IN_LABELLED_SET = "in_labelled_set"
OVER_LIMIT = "over_limit"
PREFIX = "unlabelled_"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Texts to be labelled by a teacher, and what was left out."""

    inputs: tuple[Text, ...]
    dropped: Mapping[str, int]  # reason → rows


def with_unlabelled(splits: Splits, sources: Sequence[tuple[Unlabelled, Path]], *, seed: int) -> Splits:
    """The same splits with transfer texts in `unlabelled`.

    The fingerprint stays that of the labelled rows: a stage that only reads those, such as a teacher's
    fine-tuning, is not done again because of other texts.

    Args:
        splits: the labelled rows; an input of theirs, in whichever split, is no transfer text.
        sources: how to read each source, and its local copy.
        seed: of the draw when a source has a limit.

    Raises:
        DataError, MissingExtra: as `load_unlabelled` says.
    """
    if not sources:
        return splits
    found = load_unlabelled(sources, splits, seed=seed)
    dropped = {PREFIX + reason: count for reason, count in sorted(found.dropped.items())}
    return replace(
        splits,
        unlabelled=Split(found.inputs),
        dropped={**splits.dropped, **dropped},
    )


def load_unlabelled(sources: Sequence[tuple[Unlabelled, Path]], splits: Splits, *, seed: int) -> Transfer:
    """Reads transfer texts; each is kept or counted.

    Left out, in this order: empty and broken texts, those of a labelled split, repeated ones (over all
    sources), and those beyond a source's `limit`. The others come source by source, shuffled by the sha256
    of (seed, text), so that their order in the file does not matter.

    Raises:
        DataError: a missing column, a column that holds no text, an unreadable file, pairs where the
            labelled set has single texts or the other way round, or no text at all is left.
        MissingExtra: a folder saved by `datasets` without that package.
    """
    pairs = any(isinstance(text, tuple) for text in splits.train.inputs[:1])
    taken = dict.fromkeys(labelled_keys(splits), IN_LABELLED_SET)
    dropped: Counter[str] = Counter()
    inputs: list[Text] = []
    for index, (source, path) in enumerate(sources):
        setting = f"data.unlabelled.{index}"
        if (source.text_pair is not None) != pairs:
            raise DataError(
                f"{setting} gives {'single texts' if pairs else 'text pairs'}, but the labelled set has "
                f"{'text pairs' if pairs else 'single texts'}.",
                remedy=f"{'Set' if pairs else 'Remove'} {setting}.text_pair.",
            )
        fresh: dict[str, Text] = {}
        for text in _texts(read_unlabelled(path, source), source, setting, dropped):
            key = text_key(text)
            if key in taken:
                dropped[taken[key]] += 1
                continue
            taken[key] = DUPLICATE_TEXT
            fresh[key] = text
        drawn = sorted(fresh, key=lambda key: hashlib.sha256(f"{seed}\x1f{key}".encode()).digest())
        dropped[OVER_LIMIT] += len(drawn) - len(drawn[: source.limit])
        inputs += [fresh[key] for key in drawn[: source.limit]]
    if not inputs:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted((+dropped).items()))
        raise DataError(
            f"data.unlabelled gives no transfer text (left out: {reasons or 'nothing'}).",
            remedy="Name other texts than the labelled ones, or remove data.unlabelled.",
        )
    return Transfer(tuple(inputs), dict(+dropped))


def labelled_keys(splits: Splits) -> set[str]:
    """`text_key` of every labelled input, those of the test split included."""
    return {
        text_key(text) for split in (splits.train, splits.validation, splits.test) for text in split.inputs
    }


def unseen(texts: Iterable[Text], splits: Splits) -> tuple[Text, ...]:
    """The texts that stand in no split, labelled or not, each once, in their order."""
    known = labelled_keys(splits) | {text_key(text) for text in splits.unlabelled.inputs}
    fresh: dict[str, Text] = {}
    for text in texts:
        key = text_key(text)
        if key not in known:
            fresh.setdefault(key, text)
    return tuple(fresh.values())


def read_unlabelled(path: Path, source: Unlabelled) -> Table:
    """Columns of a source; plain text gives one column, a row for each line."""
    if source.format == "text" or (source.format == "auto" and path.suffix.lower() == ".txt"):
        if not path.is_file():
            raise DataError(f"{path} is no text file.", remedy="Check data.unlabelled.source.")
        with open_text(path, source.encoding) as stream:
            return Table({source.text: list(stream)}, path.name)
    return read_rows(
        path,
        Data(
            source=source.source,
            format=source.format,
            columns=source.columns,
            quoting=source.quoting,
            encoding=source.encoding,
        ),
    )


def _texts(table: Table, source: Unlabelled, setting: str, dropped: Counter[str]) -> Iterable[Text]:
    columns = [_column(table, source.text, f"{setting}.text")]
    if source.text_pair is not None:
        columns.append(_column(table, source.text_pair, f"{setting}.text_pair"))
    for parts in zip(*columns, strict=True):
        reason = next(filter(None, map(_unusable, parts)), None)
        if reason:
            dropped[reason] += 1
        else:
            yield parts if len(parts) > 1 else parts[0]


def _column(table: Table, name: str, setting: str) -> list[str]:
    values = table.column(name, setting=setting)
    wrong = [row for row, value in enumerate(values) if not isinstance(value, str | None)]
    if wrong:
        raise DataError(
            f"{table.origin}: column {name!r} holds {type(values[wrong[0]]).__name__}, not text "
            f"({name_rows(wrong)}).",
            remedy=f"Name the column that holds the text in {setting}.",
        )
    return [(value or "").strip() for value in values]


def _unusable(text: str) -> str | None:
    if not text:
        return EMPTY_TEXT
    try:
        text.encode()
    except UnicodeEncodeError:
        return BROKEN_TEXT
    return None
