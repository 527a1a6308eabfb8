from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from air_core.errors import DecisionError
from air_core.labels.assignments import Assignment
from air_core.reviewers import assign_queue, assign_sample, assign_second
from air_core.reviewers.assigning import teams
from air_core.workspace import Workspace
from tests.reviewers.conftest import Say

Items = dict[str, str]


def hand_out(workspace: Workspace, reviewers: list[str], **options: int) -> tuple[Assignment, ...]:
    order = workspace.dataset.item_ids.tolist()
    settings = {"top": 10, "each": 1} | options
    return assign_queue(workspace.dataset, workspace.labels, order, reviewers, by="eva", **settings)


def test_the_queue_is_shared_out_and_nothing_twice(
    workspace: Workspace, item: Items, say: Say
) -> None:
    say("ana", "b", "keep")
    made = hand_out(workspace, ["ana", "bob"], top=2)
    assert [(t.item_id, t.reviewer) for t in made] == [(item["a"], "ana"), (item["c"], "bob")]
    (rest,) = hand_out(workspace, ["ana", "bob"])
    assert rest.item_id == item["d"]
    assert hand_out(workspace, ["ana"]) == ()


def test_what_a_reviewer_has_judged_leaves_the_queue_of_theirs_only(
    workspace: Workspace, item: Items, say: Say
) -> None:
    hand_out(workspace, ["ana", "bob"], each=2)
    say("ana", "a", "dog")
    say("ana", "b", "unsure")
    queue = workspace.reviews().queue
    assert [task.item_id for task in queue("ana")] == [item["c"], item["d"]]
    assert [task.item_id for task in queue("bob")] == list(item.values())
    workspace.labels.undo_last("ana")
    queue = workspace.reviews().queue
    assert [task.item_id for task in queue("ana")] == [item["b"], item["c"], item["d"]]


@pytest.mark.parametrize(("reviewers", "each", "count"), [(3, 2, 3), (4, 2, 6), (5, 3, 10)])
def test_everybody_gets_as_much_and_meets_everybody(reviewers: int, each: int, count: int) -> None:
    names = [f"r{number}" for number in range(reviewers)]
    made = teams(count, names, each)
    assert all(len(set(team)) == each for team in made)
    assert set(Counter(who for team in made for who in team).values()) == {
        count * each // reviewers
    }
    met = Counter(frozenset(pair) for team in made for pair in combinations(team, 2))
    assert len(met) == reviewers * (reviewers - 1) // 2
    assert max(met.values()) - min(met.values()) <= 2


def test_a_second_review_goes_to_somebody_else(workspace: Workspace, item: Items, say: Say) -> None:
    for letter in "abc":
        say("ana", letter, "keep")
    with pytest.raises(DecisionError, match="that ana has not judged"):
        assign_second(workspace.dataset, workspace.labels, ["ana"], 1, by="eva")
    made = assign_second(workspace.dataset, workspace.labels, ["bob"], 2, by="eva", seed=0)
    assert {task.reviewer for task in made} == {"bob"}
    assert len({task.item_id for task in made} & {item[x] for x in "abc"}) == 2
    rest = assign_second(workspace.dataset, workspace.labels, ["ana", "bob"], 9, by="eva")
    assert len(rest) == 1


def test_a_sample_is_drawn_from_what_nobody_has_judged(
    workspace: Workspace, item: Items, say: Say
) -> None:
    say("ana", "a", "keep")
    dataset, store = workspace.dataset, workspace.labels
    made = assign_sample(dataset, store, ["ana"], 2, by="eva", seed=1)
    again = np.random.default_rng(1).permutation([item[x] for x in "bcd"])[:2].tolist()
    assert [task.item_id for task in made] == again
    assert [(task.population, task.after_event) for task in made] == [(3, 1)] * 2
    for letter in "bcd":
        say("ana", letter, "keep")
    with pytest.raises(DecisionError, match="nobody has judged"):
        assign_sample(dataset, store, ["ana"], 2, by="eva")


@pytest.mark.parametrize(
    ("reviewers", "each", "said"),
    [([], 1, "none"), ([" "], 1, "none"), (["a", "a"], 1, "once"), (["a"], 2, "as are named")],
)
def test_reviewers_that_cannot_be(
    workspace: Workspace, reviewers: list[str], each: int, said: str
) -> None:
    with pytest.raises(DecisionError, match=said):
        hand_out(workspace, reviewers, each=each)
