from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from air_core.dataset import tags_text
from air_core.errors import SourceError
from air_core.formats.tag_cells import LabelCell, TagCells, listed, separator_notes

TEXTS = st.text(st.sampled_from("ab ;,|[]\"'=7é\n\u05d0"), max_size=5)
TAGS = st.lists(TEXTS.filter(bool), max_size=4)


def cell(text: str | None) -> LabelCell:
    return LabelCell(text, is_list=listed(text) is not None)


def written(before: str | None, label: str, separator: str | None = ";") -> str | None:
    tags = TagCells.find([cell(before), cell("[]")], separator)
    assert tags is not None
    return tags.write(label, cell(before)).text


def test_lists_are_of_texts_and_numbers() -> None:
    assert listed(' ["a", 7, -1.50, true] ') == ["a", "7", "-1.50", "true"]
    for text in (None, "", "a", "[", "[a]", '["a"] b', "[[1]]", '[{"a": 1}]', "[null]", "['a']"):
        assert listed(text) is None
    assert listed("[" * 100_000) is None


def test_one_list_makes_all_cells_lists() -> None:
    assert TagCells.find([cell("a;b"), cell(None)], None) is None
    tags = TagCells.find([cell("a;b"), cell('["a"]')], None)
    assert tags is not None
    assert tags.label(cell("a;b")) == '["a;b"]'
    assert tags.label(cell('["b", "a", "b", ""]')) == '["a", "b"]'


def test_empty_is_unlabelled_and_an_empty_list_has_no_tag() -> None:
    tags = TagCells(";")
    assert [tags.label(cell(text)) for text in (None, "", " ", "[]", ";")] == [
        *(None, None, None),
        *("[]", "[]"),
    ]


@pytest.mark.parametrize(
    ("before", "label", "after"),
    [
        ("sea;dog;sky", '["dog", "emu", "sky"]', "dog;sky;emu"),
        ("sea; dog; sky", '["dog", "emu"]', "dog; emu"),
        ("dog", '["a;b", "dog"]', '["dog", "a;b"]'),
        ("dog", "[]", "[]"),
        (None, '["a", "b"]', "a;b"),
        (None, '[" a"]', '[" a"]'),
        ('["b","a"]', '["a", "c"]', '["a","c"]'),
        ("[3, 5]", '["5", "x"]', '[5, "x"]'),
        ("[3, 5]", '["3"]', "[3]"),
    ],
)
def test_a_new_cell_is_written_as_the_old_one(before: str | None, label: str, after: str) -> None:
    assert written(before, label) == after


def test_without_a_separator_several_tags_are_a_list() -> None:
    assert written("cat", '["dog"]', None) == "dog"
    assert written("cat", '["cat", "dog"]', None) == '["cat", "dog"]'
    assert written("cat", '["[1]"]', None) == '["[1]"]'
    assert written(None, '["dog"]', None) == '["dog"]'


@given(
    before=st.one_of(st.none(), TEXTS, TAGS.map(tags_text)),
    tags=TAGS,
    separator=st.sampled_from([None, ";", "|", ",", " ", "ab", "[", '"']),
)
def test_any_tags_read_back(before: str | None, tags: list[str], separator: str | None) -> None:
    how = TagCells.find([cell(before), cell('["x"]')], separator)
    assert how is not None
    new = how.write(tags_text(tags), cell(before))
    assert how.label(cell(new.text)) == tags_text(tags)


def test_a_separator_has_a_character() -> None:
    with pytest.raises(SourceError, match="at least one character"):
        TagCells.find([], "")


def test_separators_that_nobody_named_are_pointed_out() -> None:
    (note,) = separator_notes(["cat|dog", "dog", "cat|emu"], None)
    assert "2 labels hold '|'" in note
    assert "--separator '|'" in note
    assert separator_notes(["Boots, leather", "Hats"], None) == ()
    assert separator_notes(["cat", None], None) == ()


def test_a_separator_that_is_nowhere_is_pointed_out() -> None:
    (note,) = separator_notes(["cat;dog", "dog"], "|")
    assert note == "No label holds the separator '|': no image has several tags."
    assert separator_notes(["cat|dog"], "|") == separator_notes(['["a"]'], "|") == ()
