"""The pages. Their templates and scripts talk to the API like any other client."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from apiflask import APIBlueprint
from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from facecog.acting import Role, actor
from facecog.domain import RetentionPolicy
from facecog.errors import InvalidRetention, Unavailable
from facecog.retention import AT_ONCE, LONGEST
from facecog.store import MAX_PAGE
from facecog.web import errors, reference
from facecog.web.access import allowed
from facecog.web.audit import action_words, detail_words, which_asked
from facecog.web.current import (
    COOKIE,
    chosen_collection,
    facecog,
    open_collections,
    served,
)
from facecog.web.people import change_words, origin_of, quality_of, still_here
from facecog.web.uploads import text_field

pages = APIBlueprint("pages", __name__, enable_openapi=False)

RECENT = 12  # a row of faces on a wide screen
# Divides by 3, 4, 6 and 8: the columns of the grid, so that each page of it ends a row.
PEOPLE = 72
SORTS = ("name", "newest", "oldest")
SHOWN = 60  # photos of a person, changes
LOOK_ALIKES = 3
LINES = 100  # of the audit
FILTERS = ("since", "until", "action", "actor", "subject")
# What the page offers to look for.
ACTIONS = (
    *("identify", "verify", "enrol", "view", "delete", "erase", "undo"),
    *("export", "audit", "account", "session", "access", "key"),
)
STAYING = (
    *("pages.register", "pages.recognise", "pages.people", "pages.changes"),
    "pages.policies",
)
A_YEAR = 365 * 24 * 3600  # seconds


@pages.get("/")
def home() -> ResponseReturnValue:
    shown = allowed("LOOK")
    people, samples = facecog().counts() if shown else (0, 0)
    recent = facecog().subjects(RECENT, sort="newest").items if shown else ()
    return render_template("home.html", people=people, samples=samples, recent=recent)


@pages.get("/register")
def register() -> ResponseReturnValue:
    people, _ = facecog().counts()
    return render_template("register.html", people=people, consent=facecog().consents.policy())


@pages.get("/recognise")
def recognise() -> ResponseReturnValue:
    return render_template("recognise.html", consent=facecog().consents.policy())


@pages.get("/docs")
def docs() -> ResponseReturnValue:
    """The API's own description, to read."""
    spec = current_app.spec  # type: ignore[attr-defined]
    return render_template(
        "docs.html",
        groups=reference.groups(spec, request.host_url.rstrip("/")),
        shapes=reference.shapes(spec),
        refusals=errors.refusals(),
    )


@pages.get("/people")
def people() -> ResponseReturnValue:
    """Everyone, or those with `q` in their name; `part` leaves out the frame, for the script."""
    q, sort = request.args.get("q", "").strip(), request.args.get("sort", SORTS[0])
    sort = sort if sort in SORTS else SORTS[0]
    found = facecog().subjects(_shown(PEOPLE), request.args.get("cursor"), q, sort)
    return render_template(
        "people.html",
        people=found.items,
        total=found.total,
        everyone=facecog().counts()[0],
        next=_next(found.next_cursor, q=q or None, sort=sort),
        q=q,
        sort=sort,
        sorts=SORTS,
        page_of=PEOPLE,
        part="part" in request.args,
    )


@pages.get("/people/<uuid:subject_id>")
def person(subject_id: str) -> ResponseReturnValue:
    """One person with their photos. Raises: SubjectNotFound."""
    one = facecog().subject(str(subject_id))
    found = facecog().samples(one.id, _shown(SHOWN), request.args.get("cursor"))
    return render_template(
        "person.html",
        one=one,
        samples=found.items,
        next=_next(found.next_cursor, subject_id=one.id),
        look_alikes=[pair.people[1] for pair in facecog().look_alikes(one.id)[:LOOK_ALIKES]],
        quality_of=quality_of,
        origin_of=origin_of,
        hours=facecog().changes.hours,
        consent=facecog().consents.policy(),
        consents=facecog().consents.of(one.id),
        ends=facecog().retention.ends(one),
        unseen_days=facecog().retention.policy().unseen_days,
        part="part" in request.args,
    )


@pages.get("/changes")
def changes() -> ResponseReturnValue:
    """What was changed and can be undone, for as long as that is kept."""
    found = facecog().changes.listed(SHOWN, request.args.get("cursor"))
    return render_template(
        "changes.html",
        changes=found.items,
        here=still_here(found.items),
        next=_next(found.next_cursor),
        change_words=change_words,
        hours=facecog().changes.hours,
        part="part" in request.args,
    )


@pages.get("/audit")
def audit() -> ResponseReturnValue:
    """Who did what, newest first; `check` looks at the whole chain. Raises: InvalidFilter."""
    asked = {name: request.args.get(name, "").strip() for name in FILTERS}
    found = facecog().audit.listed(which_asked(), LINES, request.args.get("cursor"))
    return render_template(
        "audit.html",
        lines=found.items,
        asked=asked,
        actions=ACTIONS,
        next=_next(found.next_cursor, **{name: text or None for name, text in asked.items()}),
        check=facecog().audit.check() if "check" in request.args else None,
        action_words=action_words,
        detail_words=detail_words,
    )


@pages.post("/collection")
def choose_collection() -> ResponseReturnValue:
    """Show another collection on all pages, from the next on. Raises: CollectionNotFound."""
    chosen = served().collections.of(text_field("collection"))
    # Whoever looks at one person looks at nobody in another collection.
    onwards = request.form.get("page", "")
    answer = redirect(url_for(onwards if onwards in STAYING else "pages.home"), 303)
    answer.set_cookie(
        COOKIE, chosen.id, max_age=A_YEAR, httponly=True, samesite="Lax", secure=request.is_secure
    )
    return answer


@pages.app_context_processor
def collections() -> dict[str, Any]:
    return {"open_collections": _offered, "chosen_collection": chosen_collection}


def _offered() -> dict[str, str]:
    """None on a page that says that the database is away."""
    try:
        return open_collections()
    except Unavailable:
        return {}


@pages.get("/accounts")
def accounts() -> ResponseReturnValue:
    """Accounts and keys, for owners; one's own password, for whoever is signed in."""
    gives = allowed("ACCESS")
    return render_template(
        "accounts.html",
        accounts=served().accounts.listed() if gives else [],
        keys=served().keys.listed() if gives else [],
        roles=[role.value for role in Role],
        who=actor(),
        now=datetime.now(timezone.utc),
        part="part" in request.args,
    )


@pages.get("/policies")
def policies() -> ResponseReturnValue:
    """What people are asked here, for how long they are kept, and who is due.

    With `keep_days` and `unseen_days` due is who would be if those were in force.

    Raises:
        InvalidRetention.
    """
    retention = facecog().retention
    would_be = _days_asked() if "keep_days" in request.args else None
    due = retention.due(would_be)
    return render_template(
        "policies.html",
        consent=facecog().consents.policy(),
        kept=retention.policy(),
        longest=LONGEST,
        due=due,
        more="or_more" if len(due) == AT_ONCE else "exactly",
        who=retention.names(due[:SHOWN]) if due else {},
        due_by=would_be or retention.policy(),
        part="part" in request.args,
    )


def _days_asked() -> RetentionPolicy:
    """Raises: InvalidRetention."""
    texts = [request.args.get(name, "") for name in ("keep_days", "unseen_days")]
    if not all(len(text) < 9 and (text.isdecimal() or not text) for text in texts):
        raise InvalidRetention("`keep_days` and `unseen_days` are whole numbers of days, or empty.")
    return RetentionPolicy(*(int(text) if text else None for text in texts))


def _shown(page: int) -> int:
    """How many to show: a page, or the `shown` that were there when somebody left."""
    text = request.args.get("shown", "")
    return min(max(int(text), page), MAX_PAGE) if text.isdecimal() and len(text) < 9 else page


def _next(cursor: str | None, **values: Any) -> str | None:
    return cursor and url_for(str(request.endpoint), cursor=cursor, **values)
