"""Stores full of people, written in bulk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import insert, select

from facecog.domain import Vectors
from facecog.store import Store, rows, tables

DIMENSION = 128
AT_ONCE = 1000  # people in one statement
FIRST = ("Anna", "Ben", "Cleo", "Dora", "Emil", "Frida", "Gustav", "Hanna", "Ida", "Jonas")
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
Rows = list[dict[str, Any]]


def by_chance(people: int, seed: int = 1, dimension: int = DIMENSION) -> Vectors:
    """One template a person, of norm 1, shape (people, dimension)."""
    vectors = np.random.default_rng(seed).standard_normal((people, dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def fill(store: Store, vectors: Vectors, model: str) -> None:
    """Register people in bulk, without crops.

    Args:
        vectors: of norm 1, shape (people, d), or (people, samples, d).
    """
    samples: Vectors = vectors if vectors.ndim == 3 else vectors[:, None]
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        collection = connection.execute(select(rows.default_collection())).scalar_one()
        for made in _people(samples.astype("<f4"), collection, model):
            for table, those in zip(
                (tables.subjects, tables.samples, tables.templates), made, strict=True
            ):
                connection.execute(insert(table), those)
        if store.kind == "postgresql":
            connection.exec_driver_sql("ANALYZE")


def _people(samples: Vectors, collection: str, model: str) -> Iterator[tuple[Rows, Rows, Rows]]:
    """Rows of subjects, samples and templates, some people at a time."""
    random = np.random.default_rng(1)
    for start in range(0, len(samples), AT_ONCE):
        made: tuple[Rows, Rows, Rows] = ([], [], [])
        for n, vectors in enumerate(samples[start : start + AT_ONCE], start):
            name, at = f"{FIRST[n % 10]} {random.integers(10**6)} {n}", START + timedelta(seconds=n)
            subject_id = str(uuid4())
            subject = {"id": subject_id, "collection_id": collection, "created_at": at}
            made[0].append({**subject, "name": name, "name_key": name.lower()})
            for k, vector in enumerate(vectors):
                sample, template = _sample(subject_id, at, f"{n} {k}", vector, model)
                made[1].append(sample)
                made[2].append(template)
        yield made


def _sample(
    subject: str, at: datetime, photo: str, vector: Any, model: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    sample_id = str(uuid4())
    sample = {
        "id": sample_id,
        "subject_id": subject,
        "created_at": at,
        "origin": "api",
        "photo_sha256": hashlib.sha256(photo.encode()).hexdigest(),
        "quality": {"brightness": 100.0, "yaw": 1.0},
    }
    template = {"sample_id": sample_id, "model": model, "vector": vector.tobytes(), "revision": 0}
    return sample, template
