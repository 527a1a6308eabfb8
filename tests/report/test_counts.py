from __future__ import annotations

from air_core.report import counts
from tests.report.conftest import Made, decide


def test_the_matrix_counts_every_image_once(make: Made) -> None:
    workspace = make(["cat", "cat", "cat", "dog", "emu", ""])
    for row, what in ((0, "dog"), (1, "exclude"), (2, "keep"), (3, "dog"), (5, "cat")):
        decide(workspace, row, what)
    found = counts.matrix(workspace.dataset, workspace.reviewed())
    assert found is not None
    assert found.rows == ("cat", "dog", "emu", "no label")
    assert found.columns == ("cat", "dog", "emu", "no label", "left out")
    assert found.counts == ((1, 1, 0, 0, 1), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (1, 0, 0, 0, 0))
    assert found.largest == 1


def test_of_many_classes_the_matrix_shows_those_that_changed(make: Made) -> None:
    workspace = make([f"class {number:02}" for number in range(30)])
    decide(workspace, 7, "class 20")
    found = counts.matrix(workspace.dataset, workspace.reviewed())
    assert found is not None
    assert (found.rows, found.of) == (("class 07", "class 20"), 30)
    assert found.counts == ((0, 1), (0, 1))


def test_classes_before_and_after(make: Made) -> None:
    workspace = make(["cat", "cat", "dog", ""])
    for row, what in ((0, "dog"), (1, "exclude"), (3, "cat")):
        decide(workspace, row, what)
    found = counts.balance(workspace.dataset, workspace.reviewed())
    shown = {b.name: (b.given, b.gained, b.lost, b.final) for b in found}
    assert shown == {"cat": (2, 1, 2, 1), "dog": (1, 1, 0, 2), "no label": (1, 0, 1, 0)}
    assert [b.name for b in counts.most_changed(found, 2)] == ["cat", "dog"]


def test_tags_before_and_after(make: Made) -> None:
    workspace = make([["cat", "sea"], ["dog"], []])
    decide(workspace, 0, '["dog", "sea"]')
    found = counts.balance(workspace.dataset, workspace.reviewed())
    shown = {b.name: (b.given, b.gained, b.lost) for b in found}
    assert shown == {"cat": (1, 0, 1), "dog": (1, 1, 0), "sea": (1, 0, 0)}
    assert counts.matrix(workspace.dataset, workspace.reviewed()) is None
    moves = counts.top_moves(workspace.dataset, workspace.reviewed())
    assert moves == [("cat; sea", "dog; sea", 1)]


def test_what_each_reviewer_has_done(make: Made) -> None:
    workspace = make(["cat", "dog"])
    decide(workspace, 0, "dog")
    decide(workspace, 1, "keep", "bob")
    decide(workspace, 0, "keep", "bob")
    workspace.labels.undo_last("ana")
    bob, ana = counts.by_reviewer(workspace.reviews())
    assert (bob.name, bob.actions["keep"], bob.undos) == ("bob", 2, 0)
    assert (ana.name, sum(ana.actions.values()), ana.undos) == ("ana", 0, 1)
