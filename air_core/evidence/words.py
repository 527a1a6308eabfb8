"""The evidence on one image, said in two or three sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from air_core.evidence.records import Evidence, Labels

_DISPUTED = 3


class Phrase(NamedTuple):
    """A piece of a sentence; ``name`` marks a class name, which may hold anything."""

    text: str
    name: bool = False


def summary(evidence: Evidence, class_names: Sequence[str], *, tags: bool = False) -> list[Phrase]:
    """What speaks for and against the label.

    Parameters
    ----------
    evidence : Evidence
    class_names : sequence of str
    tags : bool
        Whether an image may have several labels.

    Returns
    -------
    list of Phrase
        To be read one after the other.
    """
    compose = _of_tags if tags else _of_one_label
    return _joined(compose(evidence, class_names))


def text(phrases: Iterable[Phrase]) -> str:
    """The phrases as plain text."""
    return "".join(phrase.text for phrase in phrases)


def percent(share: float) -> str:
    """A probability as people read it.

    Examples
    --------
    >>> percent(0.973), percent(0.9999), percent(0.001)
    ('97 %', 'over 99 %', 'under 1 %')
    """
    if share > 0.995:
        return "over 99 %"
    return "under 1 %" if share < 0.005 else f"{round(100 * share)} %"


def _of_one_label(evidence: Evidence, names: Sequence[str]) -> list[Phrase]:
    sure = {c.index: percent(c.probability) for c in evidence.classes}
    (suggested,) = evidence.suggested
    given = evidence.given[0] if evidence.given else None
    said = [Phrase("Not labelled")]
    if given is not None:
        said = [Phrase("Labelled "), Phrase(names[given], True)]
    agrees = suggested == given
    if agrees:
        said.append(Phrase(f", and the model agrees with {sure[suggested]}"))
    votes = _votes(evidence, names)
    if votes:
        said += [Phrase(". "), *votes]
    if not agrees:
        said += [
            Phrase("; the model would say " if votes else ". The model would say "),
            Phrase(names[suggested], True),
            Phrase(f" with {sure[suggested]}"),
        ]
    said.append(Phrase("."))
    # What the list goes by; the model above may be of another mind.
    for opinion in evidence.opinions:
        if opinion.chance is None:
            continue
        said.append(Phrase(f" All considered, the label is right with {percent(opinion.chance)}"))
        if opinion.otherwise is not None and opinion.otherwise != suggested:
            otherwise = Phrase(names[opinion.otherwise], True)
            said += [Phrase("; if it is wrong, "), otherwise, Phrase(" is the likeliest")]
        said.append(Phrase("."))
    return said


def _votes(evidence: Evidence, names: Sequence[str]) -> list[Phrase]:
    total = len(evidence.neighbours)
    if not total:
        return []
    counts = Counter(neighbour.labels for neighbour in evidence.neighbours)
    (first,), count = counts.most_common(1)[0]
    own = counts[evidence.given] if evidence.given else 0
    if total == 1:
        said = [Phrase("Its nearest neighbour is labelled "), Phrase(names[first], True)]
    elif own == count:
        # Also where another label is as frequent: what the label has for it comes first.
        first = evidence.given[0]
        verb = "is" if own == 1 else "are"
        said = [Phrase(f"{own} of {total} neighbours {verb} labelled "), Phrase(names[first], True)]
    else:
        verb = "is" if count == 1 else "are"
        said = [
            Phrase(f"{count} of {total} neighbours {verb} labelled "),
            Phrase(names[first], True),
        ]
        if evidence.given:
            said += [
                Phrase(f", {own or 'none'} "),
                Phrase(names[evidence.given[0]], True),
            ]
    if (first,) == evidence.given:
        said.append(Phrase(", too"))
    return said


def _of_tags(evidence: Evidence, names: Sequence[str]) -> list[Phrase]:
    sure = {c.index: c.probability for c in evidence.classes}
    said = [Phrase("Tagged ") if evidence.given else Phrase("Without a tag")]
    said += _listed([(names[tag], "") for tag in evidence.given])
    added = _most_sure(set(evidence.suggested) - set(evidence.given), sure)
    removed = _most_sure(
        set(evidence.given) - set(evidence.suggested), {c: 1 - p for c, p in sure.items()}
    )
    if not added and not removed:
        return [*said, Phrase(", and the model agrees.")]
    said.append(Phrase(". The model would "))
    for verb, changed in (("add ", added), ("take away ", removed)):
        if changed:
            said += [Phrase(" and ")] * (verb == "take away " and bool(added))
            said += [
                Phrase(verb),
                *_listed([(names[tag], f" ({percent(share)})") for tag, share in changed]),
            ]
    said.append(Phrase("."))
    total = len(evidence.neighbours)
    if total:
        has = [
            (names[tag], sum(tag in neighbour.labels for neighbour in evidence.neighbours))
            for tag, _ in added + removed
        ]
        said.append(Phrase(f" Of {total} neighbours "))
        for at, (name, count) in enumerate(has):
            joint = "" if at == 0 else " and " if at == len(has) - 1 else ", "
            verb = "has" if count == 1 else "have"
            said += [Phrase(f"{joint}{count or 'none'} {verb} "), Phrase(name, True)]
        said.append(Phrase("."))
    return said


def _most_sure(tags: Iterable[int], sure: dict[int, float]) -> list[tuple[int, float]]:
    found = [(tag, sure[tag]) for tag in tags]
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))[:_DISPUTED]


def _listed(entries: Sequence[tuple[str, str]]) -> list[Phrase]:
    """Names with what follows each, parted by commas and an "and"."""
    said: list[Phrase] = []
    for at, (name, after) in enumerate(entries):
        joint = "" if at == 0 else " and " if at == len(entries) - 1 else ", "
        said += [Phrase(joint), Phrase(name, True), Phrase(after)]
    return said


def _joined(phrases: Iterable[Phrase]) -> list[Phrase]:
    """Neighbouring pieces of the same kind as one; empty ones left out."""
    joined: list[Phrase] = []
    for phrase in phrases:
        if phrase.text and joined and not phrase.name and not joined[-1].name:
            joined[-1] = Phrase(joined[-1].text + phrase.text)
        elif phrase.text:
            joined.append(phrase)
    return joined


def label_text(labels: Labels, class_names: Sequence[str]) -> str | None:
    """Classes as one text for people; None where there is none."""
    return "; ".join(class_names[label] for label in labels) or None
