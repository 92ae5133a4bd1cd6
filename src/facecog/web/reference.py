"""The OpenAPI document as the nouns that the page /docs shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
# What the examples send.
VALUES = {
    "name": "Anna",
    "image": "@anna.jpg",
    "image_a": "@anna.jpg",
    "image_b": "@anna2.jpg",
    "fpir": "0.001",
    "into": "$OTHER_ID",
    "subject_id": "$SUBJECT_ID",
    "consent": "v1",
    "required": "false",
    "text_version": "v1",
    "purpose": "the front door",
    "expires_at": "2099-12-31",
    "keep_days": "3650",
    "unseen_days": "365",
    "password": "$PASSWORD",
    "now": "$OLD_PASSWORD",
    "role": "recogniser",
    "days": "90",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: a type of JSON, or one of the shapes; perhaps a list of it, or null."""

    text: str
    shape: str = ""  # its anchor
    many: bool = False
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: Kind
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    kind: Kind | None
    description: str


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    summary: str
    fields: tuple[Field, ...]
    answers: tuple[Answer, ...]
    example: str

    @property
    def anchor(self) -> str:
        return anchor(f"{self.method} {self.path.removeprefix('/api')}")


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    description: str
    fields: tuple[Field, ...]

    @property
    def anchor(self) -> str:
        return _shape_anchor(self.name)


def anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _shape_anchor(name: str) -> str:
    return anchor(f"shape {name}")


def groups(spec: Json, address: str) -> list[Group]:
    """The calls by tag, with examples that ask the server at `address`."""
    calls: dict[str, list[Call]] = {tag["name"]: [] for tag in spec["tags"]}
    for path, methods in spec["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                calls[operation["tags"][0]].append(_call(method, path, operation, address))
    return [Group(name, tuple(listed)) for name, listed in calls.items() if listed]


def shapes(spec: Json) -> list[Shape]:
    """What the answers are made of, by name."""
    return [
        Shape(name, schema.get("description", ""), tuple(_fields(schema)))
        for name, schema in sorted(spec["components"]["schemas"].items())
    ]


def _call(method: str, path: str, operation: Json, address: str) -> Call:
    parameters = [
        Field(one["name"], _kind(one["schema"]), one.get("required", False), _description(one))
        for one in operation.get("parameters", [])
    ]
    body, is_file = _body(operation)
    answers = tuple(_answers(operation["responses"]))
    return Call(
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        fields=(*parameters, *body),
        answers=answers,
        example=_example(method, address + path, body, is_file, answers),
    )


def _body(operation: Json) -> tuple[list[Field], bool]:
    """The fields, and whether they go as multipart: what the examples send, so shown of several."""
    content = operation.get("requestBody", {}).get("content", {})
    for kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        if kind in content:
            return list(_fields(content[kind]["schema"])), kind.startswith("multipart")
    return [], False


def _fields(schema: Json) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        yield Field(name, _kind(inner), name in required, _description(inner))


def _answers(responses: Json) -> Iterator[Answer]:
    for status, answer in sorted(responses.items()):
        if status != "default":
            schemas = [kind["schema"] for kind in answer.get("content", {}).values()]
            said = answer["description"]
            yield Answer(
                status,
                _kind(schemas[0]) if schemas else None,
                "" if said == "Successful response" else said,
            )


def _kind(schema: Json) -> Kind:
    if schema.get("type") == "array":
        inner = _kind(schema["items"])
        return Kind(inner.text, inner.shape, many=True)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Kind(name, shape=_shape_anchor(name))
    if "anyOf" in schema:  # a shape or null
        (inner,) = (_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
        return Kind(inner.text, inner.shape, inner.many, nullable=True)
    types = schema.get("type", "object")
    types = [types] if isinstance(types, str) else types
    text = " | ".join(map(str, schema["enum"])) if "enum" in schema else types[0]
    text = {"binary": "file", "date-time": "date-time"}.get(schema.get("format", ""), text)
    return Kind(text, nullable="null" in types)


def _description(schema: Json) -> str:
    said = str(schema.get("description", ""))
    if "minimum" in schema.get("schema", {}):
        limits = schema["schema"]
        return f"{said} From {limits['minimum']} to {limits['maximum']}.".strip()
    return said


def _example(
    method: str, address: str, body: list[Field], is_file: bool, answers: tuple[Answer, ...]
) -> str:
    """A line of shell. Ids are variables, for nobody knows those of another's register."""
    sent = [field for field in body if field.required] or body[:1]
    option = "-F" if is_file else "-d"
    words = ["curl"]
    if method not in ("get", "post") or (method == "post" and not sent):
        words.append(f"-X {method.upper()}")
    if any(answer.kind and answer.kind.text == "file" for answer in answers):
        words.append("-o anna.zip" if address.endswith("/export") else "-o face.jpg")
    words += [f"{option} {_quoted(f'{one.name}={VALUES[one.name]}')}" for one in sent]
    words.append(_quoted(re.sub(r"{(\w+)}", lambda name: f"${name[1].upper()}", address)))
    return " ".join(words)


def _quoted(word: str) -> str:
    return f'"{word}"' if "$" in word else word
