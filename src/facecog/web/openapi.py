"""What the OpenAPI document says beside the answers' shapes: bodies, parameters, refusals, tags."""

from __future__ import annotations

import json
from typing import Any

PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with a stable `code` (docs/api.md).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string", "description": "A sentence for a person."},
        "request_id": {"type": "string"},
        "image": {"$ref": "#/components/schemas/Size"},
        "faces": {"type": "array", "items": {"$ref": "#/components/schemas/Face"}},
        "reasons": {"type": "array", "items": {"type": "string"}},
        "subject": {"$ref": "#/components/schemas/Candidate"},
        "threshold": {"type": "number"},
        "parts": {"type": "object", "additionalProperties": {"type": "string"}},
        "obstacle": {"type": "string", "description": "What stands in the way of an undo."},
        "names": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}

ROLE = "`owner`, `enroller`, `recogniser` or `auditor`."
HOW_LONG = "10 to 200 characters."
OPTIONAL: tuple[str, ...] = ("origin", "near", "allow_duplicate", "allow_mismatch", "allow_no_face")
OPTIONAL += ("consent", "consent_how", "text_version", "purpose", "required")


def _body(*photos: str, optional: tuple[str, ...] = OPTIONAL, **texts: str) -> dict[str, Any]:
    """A request body as form, JSON or multipart; `texts` is name -> description."""
    strings = {name: {"type": "string", "description": text} for name, text in texts.items()}
    encoded = {"type": "string", "description": "A picture as base64 data URL."}
    file = {"type": "string", "format": "binary", "description": "The picture's file."}
    required = [*photos, *(name for name in texts if name not in optional)]

    def shape(photo: dict[str, str]) -> dict[str, Any]:
        properties = {**strings, **dict.fromkeys(photos, photo)}
        return {"schema": {"type": "object", "properties": properties, "required": required}}

    kinds = {"application/json": shape(encoded)}
    kinds["application/x-www-form-urlencoded"] = shape(encoded)
    if photos:
        kinds["multipart/form-data"] = shape(file)
    return {"required": True, "content": kinds}


# By path and method, because a view that reads three content types cannot be described by one.
REQUEST_BODIES = {
    ("/api/register", "post"): _body(
        "image",
        name="Who it is; 1 to 200 characters.",
        origin="`camera` or `photo`; may be left out.",
        near="`x,y`, each from 0 to 1: of several faces the one nearest to there; may be left out.",
        allow_duplicate="`true`: also a face that is registered under another name.",
        allow_mismatch="`true`: also a name whose subject the face does not resemble.",
        consent="The version of the text that the person agreed to; needed where it is required.",
        consent_how="How they did, on paper say; may be left out.",
    ),
    ("/api/recognise", "post"): _body(
        "image", allow_no_face="`true`: no faces are an answer too, not a refusal."
    ),
    ("/api/verify", "post"): _body("image_a", "image_b"),
    ("/api/detect", "post"): _body("image"),
    ("/api/subjects/{subject_id}", "patch"): _body(name="The new name."),
    ("/api/subjects/{subject_id}/merge", "post"): _body(into="Id of the person who stays."),
    ("/api/samples/{sample_id}", "patch"): _body(
        optional=("subject_id", "name"),
        subject_id="Whose it becomes.",
        name="The same by name, who is made when new. One of the two is needed.",
    ),
    ("/api/subjects/{subject_id}/consent", "post"): _body(
        optional=("consent_how",),
        consent="The version of the text that the person agreed to.",
        consent_how="How they did; may be left out.",
    ),
    ("/api/subjects/{subject_id}/expiry", "put"): _body(
        expires_at="A day or a moment, ISO 8601; empty: by no date of its own."
    ),
    ("/api/consent", "put"): _body(
        required="`true`: nobody is registered without.",
        text_version="What the text is called that people agree to.",
        purpose="What their faces are kept for.",
    ),
    ("/api/retention", "put"): _body(
        keep_days="Days since somebody was registered; empty: however long.",
        unseen_days="Days since somebody was recognised; empty: however long.",
    ),
    ("/api/collections", "post"): _body(name="What to call it; 1 to 200 characters."),
    ("/api/collections/{collection_id}", "patch"): _body(name="The new name."),
    ("/api/accounts", "post"): _body(
        name="What is typed at the sign-in.", password=HOW_LONG, role=ROLE
    ),
    ("/api/accounts/{account_id}", "patch"): _body(
        optional=("role", "password"), role=ROLE, password=HOW_LONG
    ),
    ("/api/keys", "post"): _body(
        optional=("days", "collection"),
        name="What it is for.",
        role=ROLE,
        collection="Name of the only collection that it opens; all where left out.",
        days="For how many days it is good; 365 where left out, 0: until it is revoked.",
    ),
    ("/api/session/password", "put"): _body(now="That of now.", password=HOW_LONG),
    ("/api/promise", "put"): _body(fpir="The rate, above 0 and at most 0.5; empty: the setting's."),
}

PAGING = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}},
    {"name": "cursor", "in": "query", "schema": {"type": "string"}},
]
SEARCH = {"name": "q", "in": "query", "schema": {"type": "string"}}
SORT = {
    "name": "sort",
    "in": "query",
    "schema": {"type": "string", "enum": ["name", "newest", "oldest"]},
}
SIDE = {"name": "side", "in": "query", "schema": {"type": "integer", "enum": [96, 160, 320]}}
FOREVER = {"name": "forever", "in": "query", "schema": {"type": "boolean"}}
COLLECTION = {
    "name": "collection",
    "in": "query",
    "description": "Name of the collection that is meant, where it is not the usual one.",
    "schema": {"type": "string"},
}
# What is of no single collection.
OF_ALL = ("Collections", "Audit", "Health")
WHICH = [
    {"name": name, "in": "query", "description": said, "schema": {"type": "string"}}
    for name, said in (
        ("since", "From this moment on, as 2026-01-31 or 2026-01-31T12:00:00Z."),
        ("until", "Before this moment."),
        ("subject", "Id of a person."),
        ("actor", "Whole, or what is before the colon: `key`."),
        ("action", "Whole, or what is before the dot: `view`."),
    )
]
PRIORITY = {
    "name": "Priority",
    "in": "header",
    "description": "How urgent it is while others wait (RFC 9218): `u=0`, the most, to `u=7`.",
    "schema": {"type": "string", "default": "u=3"},
}
ON_PICTURES = ("/api/register", "/api/recognise", "/api/verify", "/api/detect")
PARAMETERS = {
    **{(path, "post"): [PRIORITY] for path in ON_PICTURES},
    ("/api/subjects", "get"): [*PAGING, SEARCH, SORT],
    ("/api/subjects/{subject_id}", "delete"): [FOREVER],
    ("/api/samples/{sample_id}", "delete"): [FOREVER],
    ("/api/samples/{sample_id}.jpg", "get"): [SIDE],
    ("/api/changes", "get"): PAGING,
    ("/api/audit", "get"): [*PAGING, *WHICH],
    ("/api/subjects/{subject_id}/samples", "get"): PAGING,
}

# Group -> the first word after /api/ of its paths; a person's samples are grouped with samples.
TAGS = {
    "Faces": ("register", "recognise", "verify", "detect"),
    "People": ("subjects", "lookalikes"),
    "Samples": ("samples",),
    "Changes": ("changes",),
    "Rights": ("consent", "retention"),
    "Collections": ("collections",),
    "Audit": ("audit",),
    "Promise": ("promise",),
    "Health": ("health", "ready"),
    "Access": ("session", "accounts", "keys"),
}


def _tag(path: str) -> str:
    first = _first_word(path)
    return next(tag for tag, starts in TAGS.items() if first in starts)


def _first_word(path: str) -> str:
    words = path.split("/")
    return "samples" if words[-1] == "samples" else words[2]


def _in_order(path: str) -> tuple[int, str]:
    """As in TAGS, then by name."""
    words = [word for starts in TAGS.values() for word in starts]
    return words.index(_first_word(path)), path


def _without_twins(spec: Any) -> Any:
    """A schema that stands alone and in a list is generated twice, as Subject and Subject1."""
    schemas = spec["components"]["schemas"]
    twins = [
        name for name in schemas if name[-1] == "1" and schemas.get(name[:-1]) == schemas[name]
    ]
    text = json.dumps(spec)
    for name in twins:
        text = text.replace(f'schemas/{name}"', f'schemas/{name[:-1]}"')
    spec = json.loads(text)
    for name in twins:
        del spec["components"]["schemas"][name]
    return spec


def complete(spec: Any) -> Any:
    """Add to the generated document what the views cannot say by themselves."""
    spec = _without_twins(spec)
    spec["paths"] = {path: spec["paths"][path] for path in sorted(spec["paths"], key=_in_order)}
    spec["tags"] = [{"name": name} for name in TAGS]
    spec["components"]["schemas"]["Problem"] = PROBLEM
    problem = {"$ref": "#/components/schemas/Problem"}
    refusal = {
        "description": "A refusal; `code` says which (docs/api.md).",
        "content": {"application/problem+json": {"schema": problem}},
    }
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "patch", "delete"):
                operation["responses"]["default"] = refusal
                operation["tags"] = [_tag(path)]
                if _tag(path) not in OF_ALL:
                    operation.setdefault("parameters", []).append(COLLECTION)
            for parameter in operation.get("parameters", []):
                if parameter["name"].endswith("_id"):
                    parameter["schema"] = {"type": "string", "format": "uuid"}
            if (path, method) in REQUEST_BODIES:
                operation["requestBody"] = REQUEST_BODIES[path, method]
            if (path, method) in PARAMETERS:
                operation.setdefault("parameters", []).extend(PARAMETERS[path, method])
    for path in ON_PICTURES:
        spec["paths"][path]["post"]["responses"]["503"] = {
            **refusal,
            "description": "`busy`: come again after so many seconds as `Retry-After` says.",
            "headers": {"Retry-After": {"schema": {"type": "integer"}}},
        }
    registered = spec["paths"]["/api/register"]["post"]["responses"]
    registered["200"] = {**registered["201"], "description": "This photo is there already."}
    for path in ("/api/subjects/{subject_id}", "/api/samples/{sample_id}"):
        deleted = spec["paths"][path]["delete"]["responses"]
        deleted["204"] = {"description": "Nothing is kept, so there is nothing to undo."}
    crop = spec["paths"]["/api/samples/{sample_id}.jpg"]["get"]["responses"]["200"]
    crop["content"] = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    export = spec["paths"]["/api/subjects/{subject_id}/export"]["get"]["responses"]["200"]
    export["content"] = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
    return spec
