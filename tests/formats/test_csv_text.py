from __future__ import annotations

import codecs
import csv
import io
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from air_core.errors import SourceError
from air_core.formats.csv_text import Dialect, decode, records

CELLS = st.text(st.sampled_from('ab",;\t|\r\n é\u2028'), max_size=6)


def values(text: str, dialect: Dialect) -> list[list[str]]:
    return [[cell.value for cell in record.cells] for record in records(text, dialect)]


@given(st.text(st.sampled_from('a",\r\n '), max_size=30))
def test_records_and_the_text_between_them_are_the_whole_text(text: str) -> None:
    try:
        found = list(records(text, Dialect(",")))
    except SourceError:
        return
    assert "".join(text[r.start : r.end] for r in found) == text
    assert [r.number for r in found] == list(range(1, len(found) + 1))


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=4),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_reads_what_the_csv_module_writes(
    rows: list[list[str]], delimiter: str, quoting: int, line_end: str
) -> None:
    # The csv module forgets to quote line ends of another kind than it writes itself.
    foreign = set("\r\n") - set(line_end)
    assume(quoting == csv.QUOTE_ALL or not any(foreign & set(c) for row in rows for c in row))
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(rows)
    assert values(file.getvalue(), Dialect(delimiter)) == rows


@given(CELLS, st.booleans(), st.booleans(), st.sampled_from(",;\t|"))
def test_a_written_cell_reads_back(value: str, quoted: bool, skip: bool, delimiter: str) -> None:
    dialect = Dialect(delimiter, skip_space=skip)
    text = f"x{delimiter}{dialect.write(value, quoted=quoted)}{delimiter}y\n"
    assert values(text, dialect) == [["x", value, "y"]]


def test_cells_are_quoted_only_where_they_must_be() -> None:
    dialect = Dialect(";")
    assert dialect.write("a,b", quoted=False) == "a,b"
    assert dialect.write("a;b", quoted=False) == '"a;b"'
    assert dialect.write('5" disk', quoted=False) == '"5"" disk"'
    assert dialect.write("a", quoted=True) == '"a"'


def test_line_ends_may_be_mixed_and_the_last_may_be_missing() -> None:
    assert values("a,b\r\nc,d\re,f\n\ng,h", Dialect(",")) == [
        ["a", "b"],
        ["c", "d"],
        ["e", "f"],
        [""],
        ["g", "h"],
    ]


def test_a_quote_inside_a_plain_cell_is_a_quote() -> None:
    assert values('5" disk,"a"b\n', Dialect(",")) == [['5" disk', "ab"]]


def test_spaces_after_the_delimiter_can_be_skipped() -> None:
    assert values('a, b,  "c, d"\n', Dialect(",", skip_space=True)) == [["a", "b", "c, d"]]
    assert values("a, b\n", Dialect(",")) == [["a", " b"]]


def test_an_unclosed_quote_says_where() -> None:
    with pytest.raises(SourceError, match="opens in line 2"):
        values('a,b\nc,"d\ne,f\n', Dialect(","))


def test_hostile_text_takes_no_time() -> None:
    start = time.process_time()
    for text in ('"' * 200_001, ('"a' * 100_000), " " * 200_000, 'x,"' + '""' * 100_000 + "y"):
        try:
            list(records(text, Dialect(",", skip_space=True)))
        except SourceError:
            continue
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_the_byte_order_mark_tells_the_encoding(mark: bytes, encoding: str) -> None:
    data = mark + "päth,قط\r\n".encode(encoding)
    encoded = decode(data, "x.csv")
    assert encoded.text == "päth,قط\r\n"
    assert encoded.encode(encoded.text) == data


def test_bytes_of_no_known_encoding_are_not_guessed() -> None:
    with pytest.raises(SourceError, match=r"byte 0xe9 near line 2\. Save it as UTF-8"):
        decode("path,label\ncaf\xe9.png,cat\n".encode("latin-1"), "x.csv")
    with pytest.raises(SourceError, match="byte order mark"):
        decode("path".encode("utf-16-le"), "x.csv")
