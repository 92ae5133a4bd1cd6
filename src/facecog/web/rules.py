"""Who may ask what: each endpoint with the permission that it needs. One without is refused."""

from __future__ import annotations

from flask import request

from facecog.permissions import Permission

P = Permission

RULES: dict[str, Permission] = {
    "door.show_sign_in": P.OPEN,
    "door.sign_in": P.OPEN,
    "door.sign_out": P.OPEN,
    "door.show_welcome": P.OPEN,
    "door.welcome": P.OPEN,
    "door.show_code": P.OPEN,
    "door.enter_code": P.OPEN,
    "static": P.ENTER,
    "openapi.spec": P.ENTER,
    "pages.home": P.ENTER,
    "pages.docs": P.ENTER,
    "pages.register": P.ENROL,
    "pages.recognise": P.RECOGNISE,
    "pages.people": P.LOOK,
    "pages.person": P.LOOK,
    "pages.changes": P.LOOK,
    "pages.audit": P.AUDIT,
    "pages.accounts": P.ENTER,
    "pages.policies": P.SETTINGS,
    "pages.choose_collection": P.ENTER,
    "plain.register": P.ENROL,
    "plain.recognise": P.RECOGNISE,
    "api.register": P.ENROL,
    "api.recognise": P.RECOGNISE,
    "api.verify": P.RECOGNISE,
    "api.detect": P.RECOGNISE,
    "api.list_subjects": P.LOOK,
    "api.show_subject": P.LOOK,
    "api.rename_subject": P.CHANGE,
    "api.merge_subject": P.CHANGE,
    "api.delete_subject": P.CHANGE,
    "api.list_samples": P.LOOK,
    "api.show_sample": P.LOOK,
    "api.show_crop": P.LOOK,
    "api.move_sample": P.CHANGE,
    "api.delete_sample": P.CHANGE,
    "api.list_changes": P.LOOK,
    "api.undo_change": P.CHANGE,
    "api.erase_change": P.ERASE,
    "api.erase_changes": P.ERASE,
    "api.list_audit": P.AUDIT,
    "api.verify_audit": P.AUDIT,
    "api.list_collections": P.LOOK,
    "api.add_collection": P.COLLECTIONS,
    "api.rename_collection": P.COLLECTIONS,
    "api.remove_collection": P.COLLECTIONS,
    "api.list_look_alikes": P.LOOK,
    "api.show_promise": P.STATE,
    "api.change_promise": P.SETTINGS,
    "api.health": P.OPEN,  # both with details by STATE
    "api.ready": P.OPEN,
    "metrics.show": P.WATCH,
    "rights.erase_subject": P.ERASE,
    "rights.export_subject": P.EXPORT,
    "rights.change_expiry": P.ERASE,  # a day that is past erases at once
    "rights.list_consents": P.LOOK,
    "rights.give_consent": P.ENROL,
    "rights.withdraw_consent": P.ERASE,  # which is what it does where consent is required
    "rights.show_consent": P.ENROL,
    "rights.change_consent": P.SETTINGS,
    "rights.show_retention": P.STATE,
    "rights.change_retention": P.SETTINGS,
    "access.list_accounts": P.ACCESS,
    "access.add_account": P.ACCESS,
    "access.change_account": P.ACCESS,
    "access.remove_account": P.ACCESS,
    "access.list_keys": P.ACCESS,
    "access.add_key": P.ACCESS,
    "access.revoke_key": P.ACCESS,
    "access.show_session": P.ENTER,
    "access.change_password": P.ENTER,
}

# What the pages at the door consist of.
OPEN_FILES = frozenset(
    {"app.css", "plain.css", "access.css", "access.js", "door.js", "favicon.svg"}
)


def needed_here() -> Permission | None:
    """What the current request needs; None where no rule says so."""
    file = (request.view_args or {}).get("filename")
    if request.endpoint == "static" and file in OPEN_FILES:
        return P.OPEN
    return RULES.get(request.endpoint or "")
