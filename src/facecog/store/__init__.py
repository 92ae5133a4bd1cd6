"""What is remembered: subjects, samples, templates and crops, on SQLite or PostgreSQL."""

from facecog.store.paging import Page
from facecog.store.store import Store

__all__ = ["Page", "Store"]
