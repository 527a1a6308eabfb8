"""What is said of the evidence."""

from dataclasses import replace

import pytest

from air_core.evidence import ClassEvidence, Evidence, Neighbour, Opinion, summary
from air_core.evidence.words import Phrase, text

NAMES = ("cat", "dog", "emu")


def evidence(given, suggested, probability, votes):
    classes = tuple(
        ClassEvidence(c, 1.0, probability if c in suggested else 0.1, c in given, c in suggested)
        for c in range(3)
    )
    neighbours = tuple(
        Neighbour(f"{i}", f"{i}.png", 0.9, (vote,), (vote,), None, False, "other")
        for i, vote in enumerate(votes)
    )
    return Evidence("x", given, suggested, neighbours, classes, None, None, None, ())


@pytest.mark.parametrize(
    ("given", "suggested", "probability", "votes", "said"),
    [
        ((0,), (1,), 0.97, [1] * 9 + [0],
         "Labelled cat. 9 of 10 neighbours are labelled dog, 1 cat; the model would say dog with "
         "97 %."),
        ((0,), (1,), 0.6, [1] * 10,
         "Labelled cat. 10 of 10 neighbours are labelled dog, none cat; the model would say dog "
         "with 60 %."),
        ((0,), (0,), 0.999, [0] * 7 + [2] * 3,
         "Labelled cat, and the model agrees with over 99 %. 7 of 10 neighbours are labelled cat, "
         "too."),
        ((0,), (1,), 0.5, [0] * 5 + [1] * 5,
         "Labelled cat. 5 of 10 neighbours are labelled cat, too; the model would say dog with "
         "50 %."),
        ((0,), (2,), 0.5, [], "Labelled cat. The model would say emu with 50 %."),
        ((0,), (0,), 0.5, [], "Labelled cat, and the model agrees with 50 %."),
        ((0,), (1,), 0.5, [1],
         "Labelled cat. Its nearest neighbour is labelled dog; the model would say dog with 50 %."),
    ],
)  # fmt: skip
def test_one_label(given, suggested, probability, votes, said):
    assert text(summary(evidence(given, suggested, probability, votes), NAMES)) == said


def test_the_chance_of_the_label_where_a_detector_tells_one():
    plain = evidence((0,), (1,), 0.97, [])
    sure = replace(plain, opinions=(opinion(chance=0.12), opinion(chance=None)))
    assert text(summary(sure, NAMES)) == (
        "Labelled cat. The model would say dog with 97 %. All considered, the label is right with "
        "12 %."
    )
    sure = replace(plain, opinions=(opinion(chance=0.12, otherwise=2),))
    assert text(summary(sure, NAMES)).endswith("12 %; if it is wrong, emu is the likeliest.")
    same = replace(plain, opinions=(opinion(chance=0.12, otherwise=1),))
    assert text(summary(same, NAMES)).endswith("the label is right with 12 %.")


def opinion(**changed):
    return Opinion("any", 0.5, 1, 10, flagged=True, suggested=(1,), confidence=0.9, **changed)


def test_names_are_pieces_of_their_own():
    phrases = summary(evidence((0,), (1,), 0.97, [1]), ("<b>", ". ", "emu"))
    assert [p.text for p in phrases if p.name] == ["<b>", ". ", ". "]
    assert phrases[0] == Phrase("Labelled ")


def test_tags_that_the_model_agrees_with():
    said = text(summary(evidence((0, 1), (0, 1), 0.9, [0]), NAMES, tags=True))
    assert said == "Tagged cat and dog, and the model agrees."
    said = text(summary(evidence((), (), 0.9, [0]), NAMES, tags=True))
    assert said == "Without a tag, and the model agrees."
