"""What is remembered: subjects, samples, templates and crops, on SQLite or PostgreSQL."""

from facecog.store.auditing import Which
from facecog.store.paging import MAX_PAGE, Page
from facecog.store.store import Store

__all__ = ["MAX_PAGE", "Page", "Store", "Which"]
