"""The JSON Schema of the records of `sluice run`, from the classes that write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from sluice.model import Clear, EventRef, Match, Mitigation, Note, Rejected, RejectReason

Schema = dict[str, Any]

_TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
}
_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_EVENT: Schema = {
    "type": "object",
    "required": ["@type", "@time"],
    "properties": {"@type": {"type": "string"}, "@time": _TIME},
}

#: What the annotations of the classes mean in JSON, each with a value to build a sample of.
_MEANINGS: Mapping[str, tuple[Schema, Any]] = {
    "str": ({"type": "string"}, ""),
    "int": ({"type": "integer"}, 0),
    "bool": ({"type": "boolean"}, False),
    "Instant": (_TIME, 0),
    "dict[str, Any]": ({"type": "object"}, {}),
    "tuple[str, ...]": ({"type": "array", "items": {"type": "string"}}, ()),
    "list[EventRef]": ({"type": "array", "items": {"$ref": "#/$defs/event_ref"}}, []),
    "RejectReason": ({"enum": list(get_args(RejectReason))}, "syntax"),
}

#: What the annotations alone do not say: values that `record` computes, and narrower ones.
_REFINED: Mapping[str, Schema] = {
    "id": _ID,
    "match": _ID,
    "version": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    "expires": {"anyOf": [_TIME, {"type": "null"}]},
    "lasted_ms": {"type": "integer", "minimum": 0},
    "severity": {"enum": ["info", "low", "medium", "high", "critical"]},
    "events": {
        "type": "array",
        "items": {"$ref": "#/$defs/event_ref"},
        "maxItems": 100,
    },
}


def record_schema() -> Schema:
    """Return the schema; keys stand in the order in which they are written."""
    definitions = {
        "match": _of_kind("match", Match),
        "clear": _of_kind("clear", Clear),
        "note": _of_kind("note", Note),
        "mitigation": _of_kind("mitigation", Mitigation),
        "pending": _of_kind("pending", Match),
        "event": _of_keys({"kind": {"const": "event"}, "event": _EVENT}),
        "late": _of_keys({"kind": {"const": "late"}, "event": _EVENT, "watermark": _TIME}),
        "rejected": _rejected(),
    }
    references = [{"$ref": f"#/$defs/{kind}"} for kind in definitions]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A record of sluice run --output json",
        "description": "Readers skip keys and kinds that they do not know.",
        "oneOf": references,
        "$defs": {**definitions, "event_ref": _event_ref()},
    }


def _of_kind(kind: str, type_: type[Any]) -> Schema:
    annotations = _annotations(type_)
    written = type_(**{name: _sample(text) for name, text in annotations.items()}).record()
    keys = {
        name: {"const": kind} if name == "kind" else _key(name, annotations.get(name))
        for name in written
    }
    return _of_keys(keys)


def _rejected() -> Schema:
    annotations = _annotations(Rejected)
    keys = {name: _meaning(text) for name, text in annotations.items()}
    return _of_keys({"kind": {"const": "rejected"}, **keys})


def _event_ref() -> Schema:
    """An entry of a match's `events`; `event` is there with --with-events only."""
    annotations = _annotations(EventRef)
    sample = EventRef(**{name: _sample(text) for name, text in annotations.items()})
    keys = {name: _meaning(annotations[name]) for name in sample.record() if name != "event"}
    schema = _of_keys(keys)
    schema["properties"]["event"] = _EVENT
    return schema


def _of_keys(keys: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "required": list(keys), "properties": dict(keys)}


def _key(name: str, annotation: str | None) -> Schema:
    return _REFINED[name] if name in _REFINED else _meaning(annotation or "str")


def _annotations(type_: type[Any]) -> dict[str, str]:
    """Return the annotations as texts; the names in them carry the meaning (Instant is an int)."""
    return {name: str(text) for name, text in type_.__annotations__.items()}


def _meaning(annotation: str) -> Schema:
    text = annotation.removesuffix(" | None")
    words = re.fullmatch(r"Literal\[(.*)\]", text)
    schema = {"enum": re.findall(r"'([^']*)'", words[1])} if words else _MEANINGS[text][0]
    return schema if text == annotation else {"anyOf": [schema, {"type": "null"}]}


def _sample(annotation: str) -> Any:
    if annotation.endswith(" | None"):
        return None
    words = re.findall(r"'([^']*)'", annotation)
    return words[0] if words else _MEANINGS[annotation][1]
