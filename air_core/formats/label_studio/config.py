"""The labelling configuration of a Label Studio project: which choices there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from air_core.formats.base import CleanLabels, ReadOptions
from air_core.formats.json_text import expect_name, read_label_file
from air_core.formats.label_studio.choices import CONTROL, IMAGE
from air_core.formats.xml_text import Element, XmlText, quoted

CONFIG = "label-studio-config.xml"
_USUAL = (CONFIG, "label_config.xml")
_MARK = "<!-- Written by AIR Audit -->"


@dataclass(frozen=True, slots=True)
class LabellingConfig:
    """What a configuration says of one Choices tag."""

    name: str
    data: bytes
    classes: tuple[str, ...]
    multiple: bool


def config_beside(file: Path, control: str) -> LabellingConfig | None:
    """The configuration that lies beside a label file, if there is one with that Choices tag.

    Raises
    ------
    SourceError
        If there is one that cannot be read.
    """
    for name in _USUAL:
        place = file.with_name(name)
        if not place.is_file():
            continue
        data = read_label_file(place)
        pending, found = [XmlText(data, name).root], []
        while pending:
            element = pending.pop()
            pending += element.children
            if element.tag == "Choices" and element.attributes.get("name") == control:
                found.append(element)
        if len(found) == 1:
            multiple = found[0].attributes.get("choice") == "multiple"
            return LabellingConfig(name, data, _classes(found[0], name), multiple)
    return None


def _classes(choices: Element, name: str) -> tuple[str, ...]:
    pending, found = [choices], []
    while pending:
        element = pending.pop()
        pending += reversed(element.children)
        if element.tag == "Choice":
            value = element.attributes.get("alias") or element.attributes.get("value", "")
            found.append(expect_name(value, f"the value of a Choice in {name}"))
    return tuple(dict.fromkeys(found))


def companion_config(clean: CleanLabels, target: str = IMAGE) -> Mapping[str, bytes]:
    """The configuration to go with an export, by file name: the source's own, or a new one.

    Parameters
    ----------
    clean : CleanLabels
    target : str
        Name of the Image tag, as results refer to it.

    Raises
    ------
    ExportError
        For a class with a character that XML cannot hold.
    """
    own = clean.options if clean.originals else ReadOptions()
    key, control = own.path_column or IMAGE, own.label_column or CONTROL
    for name in _USUAL:
        if name in clean.originals:
            return {name: clean.originals[name]}
    several = "multiple" if clean.multilabel else "single"
    lines = [
        _MARK,
        "<View>",
        f"  <Image name={quoted(target)} value={quoted(f'${key}')}/>",
        f'  <Choices name={quoted(control)} toName={quoted(target)} choice="{several}">',
        *(f"    <Choice value={quoted(name)}/>" for name in clean.class_names),
        "  </Choices>",
        "</View>",
    ]
    return {CONFIG: "".join(f"{line}\n" for line in lines).encode()}


class WithConfig:
    """A format whose label file goes with a labelling configuration."""

    def companions(self, clean: CleanLabels) -> Mapping[str, bytes]:
        """The labelling configuration of a project that takes these choices, by file name."""
        return companion_config(clean)

    def is_companion(self, data: bytes) -> bool:
        """Whether a configuration is from an earlier export."""
        return data.startswith(_MARK.encode())
