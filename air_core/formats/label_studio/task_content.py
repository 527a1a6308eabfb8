"""Label Studio's tasks: what they say, and annotations and predictions made for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from air_core.errors import SourceError
from air_core.formats.base import CleanItem, CleanLabels, ReadOptions, Suggestion
from air_core.formats.json_text import expect, expect_name
from air_core.formats.label_studio.choices import (
    CONTROL,
    IMAGE,
    choices_of,
    pick_address,
    pick_control,
    result,
)
from air_core.formats.label_studio.image_urls import image_places
from air_core.formats.listed_labels import labels_in


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """An annotation of a task, or a task that has none."""

    task: int
    annotation: int | None
    places: list[str]
    labels: list[str] | None


class TaskContent:
    """What the tasks say, checked."""

    def __init__(self, top: object, name: str, options: ReadOptions) -> None:
        tasks = expect(top, list, f"the top of {name}")
        sound = [t for t in tasks if isinstance(t, dict) and isinstance(t.get("data"), dict)]
        self.key = pick_address([t["data"] for t in sound], options.path_column, name)
        results = [r for task in sound for r in _all_results(task)]
        named = [r.get("from_name") for r in results if r.get("type") == "choices"]
        controls = [control for control in named if isinstance(control, str)]
        self.control = CONTROL
        if controls or options.label_column is not None:
            self.control = pick_control(controls, options.label_column, name)
        targets = [r.get("to_name") for r in results if r.get("from_name") == self.control]
        self.target = next((name for name in targets if isinstance(name, str)), IMAGE)
        self.entries: list[TaskEntry] = []
        self.flaws: list[tuple[str, str]] = []
        for number, task in enumerate(tasks):
            try:
                self.entries += self._read_task(number, task)
            except SourceError as error:
                self.flaws.append((f"task {number + 1}", str(error)))

    def _read_task(self, number: int, task: object) -> list[TaskEntry]:
        content = expect(task, dict, "it")
        data = expect(content.get("data"), dict, "its data")
        places = image_places(expect_name(data.get(self.key), f"its {self.key}"))
        annotations = expect(content.get(annotations_key(content), []), list, "its annotations")
        found = [
            TaskEntry(number, n, places, self._labels(annotation, f"annotation {n + 1}"))
            for n, annotation in enumerate(annotations)
            if not _cancelled(expect(annotation, dict, f"annotation {n + 1}"))
        ]
        return found or [TaskEntry(number, None, places, None)]

    def _labels(self, annotation: dict[str, Any], what: str) -> list[str]:
        labels: list[str] = []
        for entry in expect(annotation.get("result", []), list, f"the result of {what}"):
            if is_choice(entry, self.control):
                labels += choices_of(entry.get("value"), what)
        return labels


def is_choice(entry: object, control: str) -> bool:
    """Whether a result is of the Choices tag of that name."""
    return (
        isinstance(entry, dict)
        and entry.get("type") == "choices"
        and entry.get("from_name") == control
    )


def annotations_key(task: Mapping[str, Any]) -> str:
    """What a task calls its annotations; old exports have another word."""
    return "completions" if "completions" in task and "annotations" not in task else "annotations"


def _cancelled(annotation: Mapping[str, Any]) -> bool:
    return bool(annotation.get("was_cancelled") or annotation.get("skipped"))


def _all_results(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in (annotations_key(task), "predictions"):
        for part in task[key] if isinstance(task.get(key), list) else ():
            results = part.get("result") if isinstance(part, dict) else None
            if isinstance(results, list):
                yield from (entry for entry in results if isinstance(entry, dict))


def new_annotation(
    number: int, item: CleanItem, labels: Sequence[str], control: str, target: str
) -> dict[str, Any]:
    """An annotation; what a person has decided is ground truth."""
    review = item.review
    when = (
        {} if review is None else {"created_at": review.decided_at, "updated_at": review.decided_at}
    )
    return {
        "id": number,
        "was_cancelled": False,
        "ground_truth": review is not None and review.action in ("keep", "relabel"),
        **when,
        "result": [result(labels, control, target, item.item_id)] if labels else [],
    }


def new_prediction(
    suggestion: Suggestion, clean: CleanLabels, item: CleanItem, control: str, target: str
) -> dict[str, Any]:
    """A prediction that says what a detector would label the item."""
    labels = labels_in(suggestion.label, multilabel=clean.multilabel)
    return {
        "model_version": suggestion.detector,
        "score": suggestion.confidence,
        "result": [result(labels, control, target, item.item_id)] if labels else [],
    }
