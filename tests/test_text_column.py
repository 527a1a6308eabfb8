"""Texts that stay in Arrow until they are read."""

import pyarrow as pa
import pytest

from air_core.text_column import TextColumn, casefolded

TEXTS = ["b.png", "Ä.png", "", "a,b.png"]


def test_it_reads_as_the_texts_themselves():
    column = TextColumn(pa.chunked_array([TEXTS[:1], TEXTS[1:]]))
    assert list(column) == TEXTS
    assert (column[0], column[-1], len(column)) == (TEXTS[0], TEXTS[-1], 4)
    assert list(column[1:3]) == TEXTS[1:3]
    assert column == tuple(TEXTS)
    assert column != tuple(TEXTS[:3])
    assert column == TextColumn(pa.array(TEXTS))
    assert column.index("a,b.png") == 3
    with pytest.raises(IndexError):
        column[4]


@pytest.mark.parametrize("texts", [["AB", "c"], ["Straße", "ΣΑΣ"], []])
def test_upper_and_lower_case_are_equal_as_python_has_them(texts):
    expected = [text.casefold() for text in texts]
    assert casefolded(texts).to_pylist() == expected
    assert casefolded(TextColumn(pa.array(texts, pa.string()))).to_pylist() == expected
