"""What people may ask of whoever keeps their faces: consent, an end, a copy, to be erased."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from uuid import UUID

import click

from facecog.cli.common import (
    as_json,
    counted,
    opened_facecog,
    person_of,
    print_json,
    private_file,
)
from facecog.cli.words import receipt_lines
from facecog.domain import Agreed, ConsentPolicy, Receipt, RetentionPolicy
from facecog.errors import SubjectNotFound
from facecog.service import Facecog
from facecog.wire import consent_json, receipt_json

DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.command()
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def erase(person: str, yes: bool, machine: bool) -> None:
    """Erase PERSON, a name or an id, beyond undoing, and print a receipt."""
    facecog = opened_facecog()
    subject_id, who = _whom(facecog, person)
    if not yes:
        click.confirm(f"Erase {who} for good?", abort=True, err=True)
    _print_receipt(facecog.erasure.erase(subject_id, wipe=True), machine)


def _whom(facecog: Facecog, person: str) -> tuple[str, str]:
    """Id and words; the id alone of one who was deleted, and can still be brought back."""
    try:
        subject = person_of(facecog, person)
        return subject.id, f"{subject.name} and {counted(subject.samples, 'sample')}"
    except SubjectNotFound:
        try:
            return str(UUID(person)), person
        except ValueError:
            pass
        raise


def _print_receipt(receipt: Receipt, machine: bool) -> None:
    if machine:
        print_json(receipt_json(receipt))
        return
    for line in receipt_lines(receipt):
        click.echo(line)


@click.command()
@click.argument("person")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(person: str, file: Path) -> None:
    """Write everything that is held on PERSON to FILE, a zip."""
    facecog = opened_facecog()
    parts = facecog.export.of(person_of(facecog, person).id)
    try:
        with private_file(file) as out:
            for part in parts:
                out.write(part)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"written to {file}")


@click.group()
def consent() -> None:
    """Ask people first: whether they must consent, who did, and taking it back."""


@consent.command("show")
@click.argument("person", required=False)
@as_json
def show_consent(person: str | None, machine: bool) -> None:
    """Show whether consent is required, or what PERSON consented to."""
    facecog = opened_facecog()
    if person is None:
        policy = facecog.consents.policy()
        required = f"required: {policy.text_version}, for: {policy.purpose}"
        print_json(asdict(policy)) if machine else click.echo(
            required if policy.required else "not required"
        )
        return
    for one in facecog.consents.of(person_of(facecog, person).id):
        if machine:
            print_json(consent_json(one))
        else:
            over = f", withdrawn {one.withdrawn_at:%Y-%m-%d}" if one.withdrawn_at else ""
            click.echo(f"{one.given_at:%Y-%m-%d}  {one.text_version}, {one.how}{over}")


@consent.command("require")
@click.argument("text")
@click.argument("purpose")
def require_consent(text: str, purpose: str) -> None:
    """Register nobody who has not consented to TEXT, the version of a text, for PURPOSE."""
    policy = opened_facecog().consents.set_policy(ConsentPolicy(True, text, purpose))
    click.echo(f"required: {policy.text_version}, for: {policy.purpose}")


@consent.command("waive")
def waive_consent() -> None:
    """Do not require consent any more."""
    consents = opened_facecog().consents
    before = consents.policy()
    consents.set_policy(ConsentPolicy(False, before.text_version, before.purpose))
    click.echo("not required")


@consent.command("give")
@click.argument("person")
@click.argument("text")
@click.argument("how")
def give_consent(person: str, text: str, how: str) -> None:
    """Note that PERSON consented to TEXT; HOW: on paper, say."""
    facecog = opened_facecog()
    facecog.consents.give(person_of(facecog, person).id, Agreed(text, how))
    click.echo("noted")


@consent.command("withdraw")
@click.argument("person")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def withdraw_consent(person: str, yes: bool, machine: bool) -> None:
    """Take back PERSON's consent; where it is required, PERSON is erased."""
    facecog = opened_facecog()
    subject = person_of(facecog, person)
    if facecog.consents.policy().required and not yes:
        click.confirm(f"{subject.name} is erased for good then. Go on?", abort=True, err=True)
    receipt = facecog.consents.withdraw(subject.id)
    if receipt:
        facecog.erasure.wipe()
        _print_receipt(receipt, machine)
    else:
        click.echo("withdrawn")


@click.group()
def retention() -> None:
    """Say for how long people are kept, and erase who is due."""


@retention.command("show")
@as_json
def show_retention(machine: bool) -> None:
    """Show for how long people are kept, and how many are due."""
    kept = opened_facecog().retention
    _print_retention(kept.policy(), len(kept.due()), machine)


@retention.command("set")
@click.option("--keep-days", type=int, help="Since somebody was registered.")
@click.option("--unseen-days", type=int, help="Since somebody was last recognised.")
@as_json
def set_retention(keep_days: int | None, unseen_days: int | None, machine: bool) -> None:
    """Keep people for so many days; without an option however long."""
    kept = opened_facecog().retention
    policy = kept.set_policy(RetentionPolicy(keep_days, unseen_days))
    _print_retention(policy, len(kept.due()), machine)


def _print_retention(policy: RetentionPolicy, due: int, machine: bool) -> None:
    if machine:
        print_json({**asdict(policy), "due": due})
        return
    for what, days in (("registered", policy.keep_days), ("recognised", policy.unseen_days)):
        click.echo(f"since {what}: {'however long' if days is None else counted(days, 'day')}")
    click.echo(f"due now: {counted(due, 'person', 'people')}")


@retention.command("expire")
@click.argument("person")
@click.argument("day", type=DAY, required=False, metavar="[DAY]")
def expire(person: str, day: datetime | None) -> None:
    """Erase PERSON on DAY (2027-12-31, UTC); without it by no date of their own."""
    facecog = opened_facecog()
    at = day and day.replace(tzinfo=timezone.utc)
    facecog.retention.set_expiry(person_of(facecog, person).id, at)
    click.echo(f"erased from {at:%Y-%m-%d} on" if at else "by no date of their own")


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="Only say who is due.")
@as_json
def run_retention(dry_run: bool, machine: bool) -> None:
    """Erase who is due in every collection, and what was erased but not wiped yet."""
    facecog, gone = opened_facecog(), 0
    for collection in facecog.collections.names():
        kept = facecog.within(collection).retention
        if dry_run:
            for due in kept.due():
                click.echo(f"{due.subject_id}  {due.reason}")
            continue
        for due, receipt in kept.run():
            gone += 1
            if machine:
                print_json(receipt_json(receipt))
            else:
                click.echo(f"erased {due.subject_id}  {due.reason}")
    if not dry_run:
        facecog.erasure.wipe()
        click.echo(f"{counted(gone, 'person', 'people')} erased", err=machine)


COMMANDS = (erase, export, consent, retention)
