"""Decisions and suggestions, put into Label Studio's tasks where they belong."""

from __future__ import annotations

from collections.abc import Sequence

from air_core.formats.base import CleanItem, CleanLabels, Suggestion
from air_core.formats.json_text import Edit, JsonText, Node
from air_core.formats.label_studio.choices import result
from air_core.formats.label_studio.task_content import (
    TaskContent,
    TaskEntry,
    annotations_key,
    is_choice,
    new_annotation,
    new_prediction,
)
from air_core.formats.listed_labels import labels_in, still_listed


def rewritten_tasks(clean: CleanLabels) -> bytes:
    name, data = next(iter(clean.originals.items()))
    doc = JsonText(data, name)
    content = TaskContent(doc.root.value, name, clean.options)
    tasks = doc.children(doc.root)
    editor = _Editor(doc, tasks, content, clean)
    of_task: dict[int, list[tuple[TaskEntry, bool]]] = {}
    for entry, _, item, excluded in still_listed(content.entries, clean):
        of_task.setdefault(entry.task, []).append((entry, excluded))
        if item is not None:
            editor.edit(entry, item)
    gone = set()
    for number, entries in of_task.items():
        if all(excluded for _, excluded in entries):
            gone.add(number)
        else:
            editor.drop(number, {e.annotation for e, excluded in entries if excluded})
    # What was edited in a task that goes as a whole would overlap with its removal.
    edits = [e for number, kept in editor.edits.items() if number not in gone for e in kept]
    return doc.edited([*edits, *doc.rebuilt(doc.root, tasks, gone=gone)])


class _Editor:
    """The edits of tasks, by task."""

    def __init__(
        self, doc: JsonText, tasks: Sequence[Node], content: TaskContent, clean: CleanLabels
    ) -> None:
        self._doc = doc
        self._tasks = tasks
        self._content = content
        self._clean = clean
        self._predicted: set[int] = set()
        self.edits: dict[int, list[Edit]] = {}

    def edit(self, entry: TaskEntry, item: CleanItem) -> None:
        """Put the label of an item where its annotation stands, and its suggestion beside it."""
        task = self._tasks[entry.task]
        edits = self.edits.setdefault(entry.task, [])
        content = self._content
        if item.label != item.given_label:
            wanted = labels_in(item.label, multilabel=self._clean.multilabel)
            key = annotations_key(task.value)
            if entry.annotation is None:
                number = entry.task + 1
                new = new_annotation(number, item, wanted, content.control, content.target)
                edits += self._added(task, key, new)
            else:
                node = self._child(task, key)
                edits += self._relabel(self._doc.children(node)[entry.annotation], wanted, item)
        if item.suggestion is not None and entry.task not in self._predicted:
            self._predicted.add(entry.task)
            edits += self._predict(task, item, item.suggestion)

    def drop(self, number: int, annotations: set[int | None]) -> None:
        """Drop some annotations of a task."""
        if not annotations:
            return
        task = self._tasks[number]
        node = self._child(task, annotations_key(task.value))
        gone = {n for n in annotations if n is not None}
        edits = self._doc.rebuilt(node, self._doc.children(node), gone=gone)
        self.edits.setdefault(number, []).extend(edits)

    def _child(self, node: Node, key: str) -> Node:
        found = self._doc.child(node, key)
        # The reader found it there.
        assert found is not None
        return found

    def _added(self, parent: Node, key: str, value: object) -> list[Edit]:
        """Edits that add a value to a list, which is made if there is none."""
        doc, node = self._doc, self._doc.child(parent, key)
        if node is not None and isinstance(node.value, list):
            return doc.rebuilt(node, doc.children(node), gone=set(), added=[doc.write(value)])
        if node is not None:
            return [doc.replaced(node, [value])]
        member = doc.member(key, [value])
        return doc.rebuilt(parent, doc.children(parent), gone=set(), added=[member])

    def _relabel(self, annotation: Node, wanted: Sequence[str], item: CleanItem) -> list[Edit]:
        doc, content = self._doc, self._content
        results = doc.child(annotation, "result")
        nodes = [] if results is None else doc.children(results)
        numbers = [n for n, node in enumerate(nodes) if is_choice(node.value, content.control)]
        if not numbers:
            new = result(wanted, content.control, content.target, item.item_id)
            return self._added(annotation, "result", new) if wanted else []
        edits: list[Edit] = []
        emptied = set()
        missing = list(wanted)
        for n in numbers:
            missing = [
                label for label in missing if label not in nodes[n].value["value"]["choices"]
            ]
        for n in numbers:
            choices = self._child(self._child(nodes[n], "value"), "choices")
            children = doc.children(choices)
            gone = {c for c, child in enumerate(children) if child.value not in wanted}
            if len(children) == len(gone) == len(missing) == 1:
                edits.append(doc.replaced(children[0], missing.pop()))
            elif len(children) == len(gone) and not missing:
                emptied.add(n)
            else:
                added, missing = [doc.write(label) for label in missing], []
                edits += doc.rebuilt(choices, children, gone=gone, added=added)
        if emptied and results is not None:
            edits += doc.rebuilt(results, nodes, gone=emptied)
        return edits

    def _predict(self, task: Node, item: CleanItem, suggestion: Suggestion) -> list[Edit]:
        content = self._content
        new = new_prediction(suggestion, self._clean, item, content.control, content.target)
        node = self._doc.child(task, "predictions")
        for old in [] if node is None else self._doc.children(node):
            model = old.value.get("model_version") if isinstance(old.value, dict) else None
            if model == suggestion.detector:
                return [self._doc.replaced(old, new)]
        return self._added(task, "predictions", new)
