"""What Label Studio stores of a choice, in full and as its shorter exports have it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from typing import Any

from air_core.errors import SourceError
from air_core.formats.columns import LABEL_NAMES, PATH_NAMES, plain
from air_core.formats.csv_text import starts_formula
from air_core.formats.json_text import expect, expect_name, kind_of
from air_core.images import IMAGE_EXTENSIONS

CONTROL = "choice"
"""Name of the Choices tag in what we compose."""
IMAGE = "image"
"""Name of the Image tag, and of the key of its address, in what we compose."""

EMPTY = '{"choices": []}'
"""A cell that says there is none."""

FIXED = frozenset(
    (
        *("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"),
        *("agreement", "history"),
    )
)
"""What JSON-MIN and CSV hold beside data and choices."""


def result(label_ids: Sequence[str], control: str, target: str, result_id: str) -> dict[str, Any]:
    """A result of a Choices tag, as an annotation or prediction holds it."""
    return {
        "id": result_id,
        "from_name": control,
        "to_name": target,
        "type": "choices",
        "value": {"choices": list(label_ids)},
    }


def choices_of(value: object, what: str) -> list[str]:
    """The labels in a ``value`` of a result.

    Raises
    ------
    SourceError
        If it holds no list of names.
    """
    found = expect(expect(value, dict, what).get("choices"), list, f"the choices of {what}")
    return [expect_name(label, f"a choice of {what}") for label in found]


def short(labels: Sequence[str]) -> Any:
    """Labels as JSON-MIN has them: a text if there is one, else an object."""
    return labels[0] if len(labels) == 1 else {"choices": list(labels)}


def read_short(value: object, what: str) -> list[str]:
    """The labels in a value of JSON-MIN: a text, an object with choices, or a list of these.

    Raises
    ------
    SourceError
        If it is something else.
    """
    if isinstance(value, str):
        return [expect_name(value, what)]
    if isinstance(value, dict):
        return choices_of(value, what)
    if isinstance(value, list):
        return [label for part in value for label in _read_part(part, what)]
    raise SourceError(f"Expected {what} to be a choice, got {kind_of(value)}.")


def _read_part(value: object, what: str) -> list[str]:
    return [expect_name(value, what)] if isinstance(value, str) else choices_of(value, what)


def read_cell(text: str) -> list[str]:
    """The labels in a cell of Label Studio's CSV: JSON where it parses as choices, else a text."""
    if text[:1] in ("{", "["):
        try:
            return read_short(json.loads(text), "the cell")
        except (ValueError, RecursionError, SourceError):
            pass
    return [text]


def write_cell(labels: Sequence[str], *, guarded: bool) -> str:
    """Labels as a cell of Label Studio's CSV.

    Parameters
    ----------
    labels : sequence of str
    guarded : bool
        Whether to write as JSON what a spreadsheet would take for a formula.
    """
    if not labels:
        return ""
    plain_text = len(labels) == 1 and read_cell(labels[0]) == list(labels) and "\0" not in labels[0]
    if plain_text and not (guarded and starts_formula(labels[0])):
        return labels[0]
    return json.dumps({"choices": list(labels)}, ensure_ascii=False)


def pick_control(names: Iterable[str], chosen: str | None, file: str) -> str:
    """The name of the Choices tag whose labels are audited.

    Raises
    ------
    SourceError
        If it is not clear.
    """
    preferred = LABEL_NAMES | {"choice", "choices"}
    return _pick(names, chosen, preferred, "set of choices", "--label-column", file)


def pick_address(rows: Sequence[dict[str, Any]], chosen: str | None, file: str) -> str:
    """The key under which rows have the address of their image.

    Raises
    ------
    SourceError
        If it is not clear.
    """
    keys = [key for row in rows for key, value in row.items() if isinstance(value, str)]
    ends = tuple(IMAGE_EXTENSIONS)
    pictured = [
        key
        for row in rows
        for key, value in row.items()
        if isinstance(value, str) and value.lower().endswith(ends)
    ]
    names = pictured if chosen is None and pictured else keys
    return _pick(names, chosen, PATH_NAMES, "image address", "--path-column", file)


def _pick(
    names: Iterable[str], chosen: str | None, preferred: Set[str], what: str, option: str, file: str
) -> str:
    """The name that the user chose, else the only one, else the only preferred one."""
    known = list(dict.fromkeys(names))
    if chosen is not None:
        if known and chosen not in known:
            raise SourceError(
                f"Expected {what} named {chosen!r} in {file}, got {_and(known)}.",
                hint=f"Choose one of these with {option}.",
            )
        return chosen
    found = known if len(known) == 1 else [name for name in known if plain(name) in preferred]
    if len(found) != 1:
        raise SourceError(
            f"Expected one {what} in {file}, got {_and(found or known)}.",
            hint=f"Choose one with {option}.",
        )
    return found[0]


def _and(names: Sequence[str]) -> str:
    shown = " and ".join(repr(name) for name in names[:10])
    return shown + " and more" * (len(names) > 10) or "none"
