"""The command line of the dead letters: `python -m shared.messaging.dead_letters --help`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from uuid import UUID

from shared.db.engine import Database
from shared.db.scope import Scope
from shared.kernel.clock import SystemClock
from shared.kernel.errors import QuittanceError
from shared.messaging import dead_letters


def main(arguments: Sequence[str]) -> int:
    """Run one command; return the exit status (0 done, 1 refused, 2 wrong usage)."""
    parsed = _parser().parse_args(arguments)
    url = os.environ.get(parsed.database_url_env, "")
    if not url:
        sys.stderr.write(f"set {parsed.database_url_env} to the database's URL\n")
        return 2
    try:
        return asyncio.run(_run(parsed, url))
    except (QuittanceError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shared.messaging.dead_letters",
        description="What could not be worked: look at it, send it through again, or drop it.",
    )
    parser.add_argument(
        "--database-url-env", required=True, metavar="NAME", help="variable that holds the URL"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="show open dead letters, oldest first")
    listing.add_argument("--reason")
    listing.add_argument("--limit", type=_positive, default=100)
    replay = commands.add_parser("replay", help="send dead letters through the processor again")
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("--event-id", type=UUID)
    which.add_argument("--reason")
    which.add_argument("--all", action="store_true")
    replay.add_argument("--max", type=_positive, required=True, help="replay at most so many")
    drop = commands.add_parser("drop", help="give one up, so that its aggregate goes on")
    drop.add_argument("--event-id", type=UUID, required=True)
    drop.add_argument("--person", required=True, help="who decided it")
    drop.add_argument("--why", required=True, help="the reason, for the record")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


async def _run(parsed: argparse.Namespace, url: str) -> int:
    database = Database(url, pool_size=1, application_name="dead-letters")
    try:
        async with database.transaction(Scope.everything()) as connection:
            now = SystemClock().now()
            if parsed.command == "list":
                letters = await dead_letters.list_open(
                    connection, reason=parsed.reason, limit=parsed.limit
                )
                for letter in letters:
                    sys.stdout.write(_line(letter) + "\n")
            elif parsed.command == "replay":
                replayed = await dead_letters.replay(
                    connection,
                    now=now,
                    maximum=parsed.max,
                    event_id=parsed.event_id,
                    reason=parsed.reason,
                )
                sys.stdout.write(f"{len(replayed)} replayed\n")
            else:
                await dead_letters.drop(
                    connection, parsed.event_id, person=parsed.person, why=parsed.why, now=now
                )
                sys.stdout.write("1 dropped\n")
    finally:
        await database.close()
    return 0


def _line(letter: dead_letters.DeadLetter) -> str:
    place = f"{letter.topic}/{letter.partition}@{letter.offset}"
    event = f"{letter.source} {letter.type} {letter.subject} #{letter.sequence or '-'}"
    died = letter.died_at.isoformat(timespec="seconds")
    return f"{letter.event_id}  {died}  {place}  {event}  {letter.reason}: {letter.detail}"
