"""Two reviewers at once: who decides on what has changed meanwhile learns who changed what."""

from __future__ import annotations

import threading

import pytest

from air_core.errors import DecisionError
from air_core.labels import Decision, LabelEvent, LabelStore, StaleLabelError

GIVEN = {"a": "cat", "b": "dog"}


def relabel(
    store: LabelStore, item: str, label: str, who: str, seen: dict[str, int | None] | None = None
) -> LabelEvent:
    return store.record(
        [Decision(item, "relabel", label=label)], reviewer=who, old_labels=GIVEN, expected=seen
    )[0]


def test_it_tells_who_changed_what(store: LabelStore) -> None:
    first = relabel(store, "a", "cow", "ana", {"a": None})
    with pytest.raises(StaleLabelError) as caught:
        relabel(store, "a", "emu", "bob", {"a": None})
    assert caught.value.events == (first,)
    assert str(caught.value) == (
        f"Item a has changed since it was last seen: ana changed 'cat' to 'cow' at "
        f"{first.created_at} (relabel, event 1). Look at it again, then decide."
    )
    assert store.history() == [first]
    second = relabel(store, "a", "emu", "bob", {"a": first.event_id})
    assert second.old_label == "cow"


def test_an_undo_is_a_change_too(store: LabelStore) -> None:
    first = relabel(store, "a", "cow", "ana")
    (undo,) = store.undo(first.event_id, reviewer="bob")
    with pytest.raises(StaleLabelError, match=r"bob changed 'cow' to 'cat' .*undo of 1, event 2"):
        relabel(store, "a", "emu", "ana", {"a": first.event_id})
    store.undo(undo.event_id, reviewer="bob")
    relabel(store, "a", "emu", "ana", {"a": first.event_id})


def test_a_decision_that_left_the_label_counts_as_well(store: LabelStore) -> None:
    store.record([Decision("a", "keep")], reviewer="ana", old_labels=GIVEN)
    with pytest.raises(StaleLabelError, match=r"ana left 'cat' as it was .*keep, event 1"):
        relabel(store, "a", "emu", "bob", {"a": None})


def test_one_stale_item_stops_its_batch(store: LabelStore) -> None:
    relabel(store, "b", "cow", "ana")
    both = [Decision("a", "exclude"), Decision("b", "exclude")]
    with pytest.raises(StaleLabelError, match="Item b"):
        store.record(both, reviewer="bob", old_labels=GIVEN, expected={"a": None, "b": None})
    assert len(store.history()) == 1
    # What is not named is not checked.
    store.record(both, reviewer="bob", old_labels=GIVEN, expected={"a": None})


def test_a_resent_operation_is_not_stale(store: LabelStore) -> None:
    decide = {"reviewer": "ana", "old_labels": GIVEN, "expected": {"a": None}}
    made = store.record([Decision("a", "keep")], **decide, operation_id="tab:1")  # type: ignore[arg-type]
    again = store.record([Decision("a", "keep")], **decide, operation_id="tab:1")  # type: ignore[arg-type]
    assert again == made


def test_what_was_never_there_is_said(store: LabelStore) -> None:
    with pytest.raises(DecisionError, match="got 99; it has none"):
        relabel(store, "a", "emu", "bob", {"a": 99})


def test_of_many_at_once_one_gets_through(target: object) -> None:
    stores = [LabelStore(target) for _ in range(6)]  # type: ignore[arg-type]
    start, said = threading.Barrier(6), []

    def decide(number: int) -> None:
        start.wait()
        try:
            relabel(stores[number], "a", f"label {number}", f"r{number}", {"a": None})
        except StaleLabelError as error:
            said.append(error.events[0])

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (event,) = stores[0].history()
    assert said == [event] * 5
    for store in stores:
        store.close()


def test_a_queue_of_one_client_does_not_conflict_with_itself(store: LabelStore) -> None:
    """A browser sends several decisions on one image before it sees what the first has led to."""
    first = relabel(store, "a", "cow", "bob")

    def send(number: int, label: str, seen: int | None, client: str = "tab") -> LabelEvent:
        return store.record(
            [Decision("a", "relabel", label=label)],
            reviewer="ana",
            old_labels=GIVEN,
            expected={"a": seen},
            operation_id=f"{client}:{number}",
        )[0]

    second = send(1, "emu", first.event_id)
    third = send(2, "dog", first.event_id)
    send(3, "emu", second.event_id)  # the answer to the first has arrived meanwhile
    store.undo_last("ana", operation_id="tab:4")
    send(5, "cow", first.event_id)
    # Another tab has not seen any of this, though the same person sits there.
    with pytest.raises(StaleLabelError, match="ana changed 'cow' to 'emu'"):
        send(1, "dog", first.event_id, client="other")
    # And what others do in between counts.
    last = relabel(store, "a", "dog", "bob")
    for seen in (first, second, third):
        with pytest.raises(StaleLabelError) as caught:
            send(6, "emu", seen.event_id)
        assert caught.value.events == (last,), "only what others did is told"
    send(6, "emu", last.event_id)
    send(7, "cow", last.event_id)


def test_a_decision_taken_back_before_counts_as_none_seen(store: LabelStore) -> None:
    relabel(store, "a", "cow", "bob")
    store.undo_last("bob")
    for number in (1, 2):
        store.record(
            [Decision("a", "keep")], reviewer="ana", old_labels=GIVEN, expected={"a": None},
            operation_id=f"tab:{number}",
        )  # fmt: skip
    assert len(store.history()) == 4
