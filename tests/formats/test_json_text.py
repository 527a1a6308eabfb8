from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from air_core.errors import SourceError
from air_core.formats import json_text
from air_core.formats.json_text import JsonText, Node, expect, expect_name, outline, read_label_file

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
STYLES = st.sampled_from(
    [{}, {"indent": 2}, {"separators": (",", ":")}, {"indent": "\t", "ensure_ascii": False}]
)


def nodes(doc: JsonText, node: Node) -> list[Node]:
    return [node, *(n for child in doc.children(node) for n in nodes(doc, child))]


@given(VALUES, STYLES)
def test_every_value_is_found_where_it_stands(value: Any, style: dict[str, Any]) -> None:
    doc = JsonText(json.dumps(value, **style).encode(), "x")
    assert doc.root.value == value
    assert doc.edited([]) == doc.text.encode()
    for node in nodes(doc, doc.root):
        assert json.loads(doc.text[node.at : node.end]) == node.value
        if node.key is not None:
            assert json.loads("{" + doc.text[node.start : node.end] + "}") == {node.key: node.value}


@given(
    st.lists(VALUES, max_size=6) | st.dictionaries(st.text(max_size=3), VALUES, max_size=6),
    STYLES,
    st.sets(st.integers(0, 5)),
    st.lists(st.integers(), max_size=2),
)
def test_children_can_be_dropped_replaced_and_added(
    value: Any, style: dict[str, Any], gone: set[int], added: list[int]
) -> None:
    doc = JsonText(json.dumps({"in": value, "z": 1}, **style).encode(), "x")
    parent = doc.child(doc.root, "in")
    assert parent is not None
    children = doc.children(parent)
    gone = {n for n in gone if n < len(children)}
    kept = [n for n in range(len(children)) if n not in gone]
    edits = [doc.replaced(children[n], "new") for n in kept[:1]]
    if isinstance(value, dict):
        names = [f"new key {n}" for n in range(len(added))]
        texts = [doc.member(name, x) for name, x in zip(names, added, strict=True)]
        pairs = (
            [(k, "new" if k == children[kept[0]].key else v) for k, v in value.items()]
            if kept
            else []
        )
        expected: Any = dict([p for n, p in enumerate(pairs) if n in kept])
        expected |= dict(zip(names, added, strict=True))
    else:
        texts = [doc.write(x) for x in added]
        expected = [value[n] for n in kept]
        expected[:1] = ["new"] * len(kept[:1])
        expected += added
    edits += doc.rebuilt(parent, children, gone=gone, added=texts)
    assert json.loads(doc.edited(edits)) == {"in": expected, "z": 1}


def test_a_dropped_child_takes_its_line_along_and_an_added_one_gets_its_own() -> None:
    text = '{\n  "a": [\n    1,\n    2\n  ]\n}'
    doc = JsonText(text.encode(), "x")
    a = doc.child(doc.root, "a")
    assert a is not None
    edits = doc.rebuilt(a, doc.children(a), gone={0}, added=["3"])
    assert doc.edited(edits).decode() == text.replace("1,\n    2", "2,\n    3")


def test_the_last_of_two_equal_keys_counts() -> None:
    doc = JsonText(b'{"a": 1, "a": 2}', "x")
    node = doc.child(doc.root, "a")
    assert node is not None
    assert node.value == doc.root.value["a"] == 2
    assert doc.edited([doc.replaced(node, 3)]) == b'{"a": 1, "a": 3}'


@pytest.mark.parametrize(
    ("data", "edited"),
    [
        ('{"a":"é"}'.encode(), '{"a":"ü"}'.encode()),
        (b'{"a":"\\u00e9"}', b'{"a":"\\u00fc"}'),
        ('\ufeff{"a":"é"}'.encode(), '\ufeff{"a":"ü"}'.encode()),
        ('\ufeff{"a":"é"}'.encode("utf-16-le"), '\ufeff{"a":"ü"}'.encode("utf-16-le")),
    ],
)
def test_encoding_and_escapes_stay(data: bytes, edited: bytes) -> None:
    doc = JsonText(data, "x")
    node = doc.child(doc.root, "a")
    assert node is not None
    assert doc.edited([doc.replaced(node, "ü")]) == edited


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "to be JSON, got 'Expecting value' in line 1, column 1"),
        (b'{"a":\n 1,}', "in line 2, column 4"),
        (b"[1] 2", "more text after its end"),
        (b"[" * 200_000, "nested less than"),
        (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "nested less than"),
        (b"[" + b"9" * 10_000 + b"]", "cannot be read"),
        (b"\xff\xfe\x00", "UTF-16"),
        (b'"\xe9"', "0xe9"),
        (b'"\n"', "Invalid control character"),
    ],
)
def test_what_is_no_json_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        JsonText(data, "x.json")


@given(
    st.binary(max_size=40) | st.text(st.sampled_from('[]{}",:\\u0d8 \n1e+-tfn\ud800'), max_size=40)
)
def test_any_bytes_give_a_document_or_a_source_error(data: bytes | str) -> None:
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    try:
        doc = JsonText(raw, "x")
    except SourceError:
        return
    assert doc.edited([]) == raw
    nodes(doc, doc.root)


def test_files_that_cannot_be_label_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match="something else"):
        read_label_file(tmp_path)
    with pytest.raises(SourceError, match="cannot be read"):
        outline(tmp_path / "gone.json")
    file = tmp_path / "a.json"
    file.write_bytes(b"[1, 2]")
    monkeypatch.setattr(json_text, "MAX_BYTES", 5)
    with pytest.raises(SourceError, match="Split it"):
        read_label_file(file)


def test_an_outline_is_made_again_when_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b'[{"id": 1, "data": {}}, 7]')
    assert outline(file) == ("list", {"id": "int", "data": "dict"})
    file.write_bytes(b'{"labels": {}, "classes": null}')
    assert outline(file) == ("dict", {"labels": "dict", "classes": "NoneType"})


def test_values_are_checked_and_named() -> None:
    assert expect(1, int, "it") == 1
    with pytest.raises(SourceError, match="Expected it to be a number, got a truth value"):
        expect(True, int, "it")
    assert expect_name("é", "it") == "é"
    for bad in ("", "\ud800", None, 1, []):
        with pytest.raises(SourceError, match="Expected it"):
            expect_name(bad, "it")
