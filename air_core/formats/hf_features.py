"""What the ``datasets`` library keeps in a Parquet file's schema: the classes behind numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from air_core.dataset import tags_of
from air_core.formats.base import CleanItem, CleanLabels

_KEY = b"huggingface"
_LISTS = ("List", "LargeList", "Sequence")


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """Feature by column name; empty where the file was not written by ``datasets``."""
    try:
        found = json.loads((schema.metadata or {})[_KEY])["info"]["features"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def class_names_of(feature: Any) -> tuple[str, ...]:
    """Class names of a ``ClassLabel``, alone or in a list; empty for any other feature."""
    if isinstance(feature, list) and len(feature) == 1:
        return class_names_of(feature[0])
    if not isinstance(feature, dict):
        return ()
    if feature.get("_type") in _LISTS:
        return class_names_of(feature.get("feature"))
    names = feature.get("names") if feature.get("_type") == "ClassLabel" else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(names) if len(set(names)) == len(names) else ()


def label_field(class_names: Sequence[str], *, multilabel: bool) -> tuple[pa.Field, dict[str, Any]]:
    """The column ``label`` of numbers, and the feature that says what they stand for."""
    feature: dict[str, Any] = {"names": list(class_names), "_type": "ClassLabel"}
    if multilabel:
        return pa.field("label", pa.list_(pa.int64())), {"feature": feature, "_type": "List"}
    return pa.field("label", pa.int64()), feature


def label_numbers(items: Sequence[CleanItem], clean: CleanLabels) -> list[int | list[int] | None]:
    """Values of that column for some items of an export."""
    number = {name: n for n, name in enumerate(clean.class_names)}
    if clean.multilabel:
        tags = (None if i.label is None else tags_of(i.label) for i in items)
        return [None if each is None else sorted(number[tag] for tag in each) for each in tags]
    return [None if item.label is None else number[item.label] for item in items]


def schema_with(fields: Sequence[pa.Field], features: Mapping[str, Any]) -> pa.Schema:
    """A schema that ``datasets`` takes the features from."""
    info = {"info": {"features": dict(features)}}
    return pa.schema(list(fields), metadata={_KEY: json.dumps(info).encode()})
