"""What is remembered: subjects, samples, templates and crops, on SQLite or PostgreSQL."""

from facecog.store.store import Page, Store

__all__ = ["Page", "Store"]
