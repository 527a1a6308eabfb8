"""Label Studio's JSON: tasks with the annotations of people and the predictions of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.json_text import JsonText, outline
from air_core.formats.label_studio.choices import CONTROL, IMAGE
from air_core.formats.label_studio.config import WithConfig, companion_config
from air_core.formats.label_studio.image_urls import local_files_url
from air_core.formats.label_studio.listing import chosen_file, read_json
from air_core.formats.label_studio.task_content import TaskContent, new_annotation, new_prediction
from air_core.formats.label_studio.task_edits import rewritten_tasks
from air_core.formats.listed_labels import labels_in


class LabelStudioJson(WithConfig):
    """The ``label-studio`` format: what Label Studio exports as JSON and imports as tasks.

    Every annotation that was not cancelled is an item, as in the shorter exports; a task without
    any is an unlabelled one. Choices are edited where they stand. An item's suggestion goes out
    as a prediction of its task.
    """

    name = "label-studio"
    title = "Label Studio JSON (annotations and predictions)"
    suffix = ".json"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether the label file is a list of tasks with data."""
        return chosen_file(source, options, _suits) is not None

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the annotations with their images.

        Raises
        ------
        SourceError
            If the file is not of this kind, or it is not clear which choices to take.
        """
        return read_json(
            source,
            options,
            _suits,
            TaskContent,
            expected="tasks as Label Studio exports them as JSON",
            hint="For JSON-MIN say --format label-studio-min.",
        )

    def compose(self, clean: CleanLabels) -> bytes:
        """The source's own file with changed choices, or new tasks."""
        if clean.original is not None:
            return rewritten_tasks(clean)
        tasks = []
        for number, item in enumerate(clean.items, start=1):
            annotations = []
            if item.label is not None:
                labels = labels_in(item.label, multilabel=clean.multilabel)
                annotations.append(new_annotation(number, item, labels, CONTROL, IMAGE))
            predictions = []
            if item.suggestion is not None:
                predictions.append(new_prediction(item.suggestion, clean, item, CONTROL, IMAGE))
            tasks.append(
                {
                    "id": number,
                    "data": {IMAGE: local_files_url(item.path)},
                    "annotations": annotations,
                    "predictions": predictions,
                }
            )
        return json.dumps(tasks, ensure_ascii=False, indent=2).encode()

    def companions(self, clean: CleanLabels) -> Mapping[str, bytes]:
        """The labelling configuration of a project that takes these tasks, by file name."""
        if clean.original is None:
            return companion_config(clean)
        name = next(iter(clean.originals))
        content = TaskContent(JsonText(clean.original, name).root.value, name, clean.options)
        return companion_config(clean, content.target)


def _suits(file: Path) -> bool:
    if file.suffix.lower() != ".json":
        return False
    found = outline(file)
    return found.kind == "list" and found.keys.get("data") == "dict"
