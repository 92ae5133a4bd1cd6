"""The audit: who did what, and whether nothing of it was altered."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from facecog.audit import Audit
from facecog.bootstrap import open_store
from facecog.cli.common import (
    as_json,
    counted,
    every_page,
    print_json,
    private_file,
    settings_here,
)
from facecog.domain import AuditLine
from facecog.store import MAX_PAGE, Which
from facecog.wire import audit_check_json, audit_line_json

MOMENT = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"))
HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


class Head(click.ParamType[tuple[int, str]]):
    """The number and the hash of a line."""

    name = "NUMBER:HASH"

    def convert(self, value: Any, param: Any, context: Any) -> tuple[int, str]:
        match = HEAD.fullmatch(value)
        if match is None:
            self.fail("It is NUMBER:HASH, as `facecog audit verify` prints it.", param, context)
        return int(match[1]), match[2]


@click.group()
def audit() -> None:
    """List, verify and export the record of who did what."""


@audit.command("list")
@click.option("--since", type=MOMENT, help="From this moment on, in UTC.")
@click.option("--until", type=MOMENT, help="Before this moment, in UTC.")
@click.option("--subject", type=click.UUID, help="Of this person, by id.")
@click.option("--actor", default="", help="This one, or all of a kind: account, key, command.")
@click.option("--action", default="", help="This one, or all before a dot: view.")
@as_json
def list_audit(
    since: datetime | None,
    until: datetime | None,
    subject: UUID | None,
    actor: str,
    action: str,
    machine: bool,
) -> None:
    """List what was done, newest first."""
    which = Which(
        since=since and since.replace(tzinfo=timezone.utc),
        until=until and until.replace(tzinfo=timezone.utc),
        subject=str(subject) if subject else "",
        actor=actor,
        action=action,
    )
    listed = _audit().listed
    for line in every_page(lambda cursor: listed(which, MAX_PAGE, cursor)):
        if machine:
            print_json(audit_line_json(line))
        else:
            click.echo(_said(line))


@audit.command("verify")
@click.option("--head", type=Head(), help="A line that was noted before, which must be there.")
@as_json
def verify_audit(head: tuple[int, str] | None, machine: bool) -> None:
    """Say whether every line is there and as it was written."""
    check = _audit().check(head)
    if machine:
        print_json(audit_check_json(check))
    elif check.lines:
        hashed = "hashes with the key" if check.keyed else "hashes without a key"
        click.echo(
            f"{counted(check.lines, 'line')} from {check.first} to {check.last}, {hashed}\n"
            f"head {check.last}:{check.head}"
        )
    if check.fault:
        raise click.ClickException(check.fault)
    if not machine:
        click.echo("whole" if check.lines else "there are no lines")


@audit.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_audit(file: Path) -> None:
    """Write all lines to FILE, oldest first, a JSON object a line."""
    written = 0
    try:
        with private_file(file) as out:
            for line in _audit().exported():
                out.write(json.dumps(audit_line_json(line)).encode() + b"\n")
                written += 1
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{counted(written, 'line')} written to {file}")


def _audit() -> Audit:
    store = open_store(settings_here())
    click.get_current_context().call_on_close(store.close)
    return Audit(store)


def _said(line: AuditLine) -> str:
    about = " ".join(filter(None, (line.subject_id, json.dumps(line.details))))
    asked = f" {line.request_id}" if line.request_id else ""
    at = f"{line.at:%Y-%m-%d %H:%M:%S}"
    return f"{line.number}  {at}  {line.actor}{asked}  {line.action}  {about}"


COMMANDS = (audit,)
