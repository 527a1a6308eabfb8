"""A column of texts as the file holds it: a million Python strings would take a second to make
and a hundred megabytes to keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import pyarrow as pa
import pyarrow.compute as pc

_BLOCK = 65_536


class TextColumn(Sequence[str]):
    """Texts in an Arrow array, made strings when asked for.

    Parameters
    ----------
    texts : pyarrow.Array or pyarrow.ChunkedArray
        Of strings, none missing.

    Examples
    --------
    >>> column = TextColumn(pa.array(["a", "b", "c"]))
    >>> column[-1], list(column[:2]), column == ("a", "b", "c")
    ('c', ['a', 'b'], True)
    """

    __slots__ = ("_texts",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, texts: Any) -> None:
        # 32 bits count the bytes of a string array, too few for all the paths of a large dataset.
        large = texts.cast(pa.large_string())
        self._texts = large.combine_chunks() if isinstance(large, pa.ChunkedArray) else large

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> TextColumn: ...
    def __getitem__(self, index: int | slice) -> str | TextColumn:
        if isinstance(index, slice):
            return TextColumn(self._texts[index])
        text: str = self._texts[int(index)].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BLOCK):
            yield from self._texts.slice(start, _BLOCK).to_pylist()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TextColumn):
            return bool(self._texts.equals(other._texts))
        if isinstance(other, list | tuple):
            return len(self) == len(other) and all(map(str.__eq__, self, other))
        return NotImplemented

    def __repr__(self) -> str:
        return f"TextColumn of {len(self):,} texts"

    @property
    def arrow(self) -> Any:
        """The texts as a pyarrow.LargeStringArray, not copied."""
        return self._texts


def casefolded(texts: Sequence[str]) -> Any:
    """Texts with upper and lower case made equal, as a pyarrow.LargeStringArray.

    Examples
    --------
    >>> casefolded(["Aa", "Straße"]).to_pylist()
    ['aa', 'strasse']
    """
    column = texts.arrow if isinstance(texts, TextColumn) else pa.array(texts, pa.large_string())
    if pc.all(pc.string_is_ascii(column), min_count=0).as_py():
        return pc.ascii_lower(column)
    return pa.array([text.casefold() for text in texts], pa.large_string())
