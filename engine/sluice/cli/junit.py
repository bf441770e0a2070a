"""Reports as JUnit XML, the form that build servers show as tests."""

from __future__ import annotations

import re
from xml.etree import ElementTree

#: What XML cannot hold, whatever the encoding: controls, halves of pairs, two that are no letters.
_UNFIT = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def storable(text: str) -> str:
    """Return the text with what XML cannot hold written as `\\x1b`."""
    return _UNFIT.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def to_xml(suite: ElementTree.Element) -> bytes:
    """Return a `testsuite` as a document."""
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return document + b"\n"
