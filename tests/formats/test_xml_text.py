from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from air_core.errors import ExportError, SourceError
from air_core.formats.xml_text import XmlText, escaped, quoted

TEXT = """<?xml version='1.0' encoding='utf-8'?>
<!-- kept -->
<a  x = "1">
  <b  label='é &amp; "x"' n="&#10;"><c/></b>
  <b/>
</a>
"""


def test_elements_and_where_they_stand() -> None:
    doc = XmlText(TEXT.encode(), "x")
    first, second = doc.root.all("b")
    assert (doc.root.tag, doc.root.attributes) == ("a", {"x": "1"})
    assert first.attributes == {"label": 'é & "x"', "n": "\n"}
    assert [child.tag for child in first.children] == ["c"]
    assert TEXT.encode()[second.start : second.end] == b"<b/>"
    assert doc.edited([]) == TEXT.encode()


def test_attributes_are_changed_and_elements_dropped_and_added() -> None:
    doc = XmlText(TEXT.encode(), "x")
    first, second = doc.root.all("b")
    edits = [doc.relabelled(first, "label", "<'\">"), doc.relabelled(second, "label", "new")]
    after = doc.edited(edits).decode()
    assert after == TEXT.replace("""'é &amp; "x"'""", '"&lt;\'&quot;&gt;"').replace(
        "<b/>", '<b label="new"/>'
    )
    assert doc.edited([doc.dropped(first)]).decode() == TEXT.replace(
        """\n  <b  label='é &amp; "x"' n="&#10;"><c/></b>""", ""
    )
    after = doc.edited(
        [*doc.added(second, ["<d/>"], depth=2), *doc.added(doc.root, ["<e/>"], depth=1)]
    )
    assert after.decode() == TEXT.replace("<b/>", "<b>\n    <d/>\n  </b>\n  <e/>")
    flat = XmlText(b"<a><b/></a>", "x")
    assert (
        flat.edited(flat.added(flat.root.children[0], ["<d/>"], depth=2)) == b"<a><b><d/></b></a>"
    )


def test_encodings_stay() -> None:
    for encoding, mark in (("utf-8", ""), ("utf-8", "\ufeff"), ("utf-16-le", "\ufeff")):
        text = mark + TEXT.replace("utf-8", encoding.replace("-le", ""))
        doc = XmlText(text.encode(encoding), "x")
        edit = doc.relabelled(doc.root.all("b")[1], "label", "ü")
        assert doc.edited([edit]) == text.replace("<b/>", '<b label="ü"/>').encode(encoding)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no element found"),
        (b"<a><b></a>", "mismatched tag"),
        (b"<a>&b;</a>", "undefined entity"),
        (b"<!DOCTYPE a><a/>", "no document type"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "no document type"),
        (b'<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;">]><a>&z;</a>', "no document type"),
        ('<?xml version="1.0" encoding="latin-1"?><a b="é"/>'.encode("latin-1"), "LATIN-1"),
        (b'<a b="\xe9"/>', "0xe9"),
    ],
)
def test_what_is_no_safe_xml_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        XmlText(data, "x.xml")


def test_depth_and_length_are_no_trouble() -> None:
    assert XmlText(b"<a>" * 50_000 + b"</a>" * 50_000, "x").root.tag == "a"
    with pytest.raises(SourceError):
        XmlText(b"<a>" * 50_000, "x")


VALUES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r<>&\"'"),
    max_size=8,
)


@given(VALUES, VALUES)
def test_any_text_can_be_put_in(value: str, other: str) -> None:
    text = f"<a b={quoted(value)}>{escaped(other)}</a>"
    doc = XmlText(text.encode(), "x")
    assert (doc.root.attributes["b"], doc.root.text) == (value, other)
    again = XmlText(doc.edited([doc.relabelled(doc.root, "b", other)]), "x")
    assert again.root.attributes["b"] == other


@pytest.mark.parametrize("bad", ["\0", "\x1b", "\ufffe", "\ud800"])
def test_characters_that_xml_cannot_hold_are_named(bad: str) -> None:
    with pytest.raises(ExportError, match="cannot hold"):
        quoted(f"a{bad}")


@given(st.text(st.sampled_from("<>/a&;=\"' !-?x[]"), max_size=40))
def test_any_text_gives_a_document_or_a_source_error(text: str) -> None:
    try:
        doc = XmlText(text.encode(), "x")
    except SourceError:
        return
    assert doc.edited([]) == text.encode()
