"""Command line client of the log, over HTTP and without Django. Exit codes: 0 success, 1 findings (not found, conflict,
invalid entry), 2 failure, 130 interrupted."""

import argparse
import functools
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from enhancelog import __version__
from enhancelog.agents import check_entries, parsers, pattern_state, verify_export, verify_receipt, why_question
from enhancelog.agents.witnessing import Watch
from enhancelog.client.buffered import EnhanceLogClient, spool_path
from enhancelog.client.connection import Connection
from enhancelog.client.endpoint import DEFAULT_URL, TOTAL_S
from enhancelog.client.exchange import one_line
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.client.remembered import EVERY_S
from enhancelog.domain import markers, meta_filters, notes, periods, records
from enhancelog.domain.errors import Conflict, Invalid, NotFound, Other, Redacted, StoreError
from enhancelog.domain.filters import PARAMETERS
from enhancelog.domain.markers import NewMarker
from enhancelog.domain.terminal import printable_line
from enhancelog.domain.times import now_ms
from enhancelog.evidence.errors import Unproven
from enhancelog.transfer.items import Found, Item, Unreadable
from enhancelog.transfer.sources import open_source

DONE, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130

Taking = tuple[HttpEnhanceLogStore | EnhanceLogClient, str]  # and how an accepted entry is reported
Command = Callable[[HttpEnhanceLogStore, argparse.Namespace], int]

_ENVIRONMENT: Final = f"""\
environment:
  ENHANCELOG_URL         the server (default {DEFAULT_URL})
  ENHANCELOG_TOKEN       your API token; or ENHANCELOG_TOKEN_FILE, a file that contains it
  ENHANCELOG_SPOOL       the spool that flush sends; append uses one only with --spool
  ENHANCELOG_CHECKPOINTS the folder that remembers what servers said about their logs, or off
  ENHANCELOG_LOG_KEY     the verifier key of the server's log (default: as it says at first)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="enhancelog: %(message)s")
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except (NotFound, Conflict) as error:
        return _fail(error, FINDINGS)
    except (StoreError, Invalid, Unreadable) as error:
        return _fail(error, FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python reports the error again at exit
        return _fail("standard output was closed", FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def append(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    if check_entries.are_given(options):
        result = check_entries.append(store, options)
        _print(msgspec.json.encode(result))
        return FINDINGS if result["result"] == "conflict" else DONE
    taking: Taking = (store, "created")
    if options.spool is not None:
        taking = (EnhanceLogClient(store.connection, spool=options.spool, background=False), "spooled")
    results: set[str] = set()
    with open_source(options.file, records.MAX_ENTRY_BYTES) as source:
        for item in source:
            result = _append(taking, item)
            _print(msgspec.json.encode(result))
            results.add(result["result"])
    if not results:
        return _fail(f"{options.file}: contains no entries", FAILED)
    # An identical entry is not a finding.
    return FINDINGS if results & {"conflict", "invalid"} else DONE


def flush(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    path = spool_path(options.spool)
    if not path.exists():
        return _fail(f"there is no spool {path}", FAILED)
    client = EnhanceLogClient(store.connection, spool=path, background=False)
    try:
        done = client.flush(options.timeout)
    except Other as error:
        reason = one_line(str(error)).removesuffix(".")
        return _fail(f"{reason}; entries waiting in {path}: {client.waiting():,}", FAILED)
    for refused in done.refused:
        _print(msgspec.json.encode(refused))
    counts = {"created": done.created, "identical": done.identical, "quarantined": done.quarantined}
    _print(msgspec.json.encode({**counts, "waiting": client.waiting()}))
    return FINDINGS if done.quarantined else DONE


def get(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    _print(records.encode(store.get(options.issue_id)))
    return DONE


def list_entries(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    filters = [(name, value) for name in PARAMETERS for value in getattr(options, name)]
    filters += meta_filters.from_options(options.meta, "meta")
    filters += meta_filters.from_options(options.not_meta, "not-meta")
    size = min(options.max or options.page_size, options.page_size)
    for number, entry in enumerate(store.entries([*filters, ("order", options.order)], size), 1):
        _print(records.encode(entry))
        if number == options.max:
            break
    return DONE


def why(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    if wrong := why_question.fault(options):
        return _fail(f"{wrong}; see why --help", FAILED)
    _print(why_question.answer(store, options))
    return DONE


def mark(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    now = now_ms()
    at_ms = None if options.at is None else periods.instant("--at", options.at, now)
    new = NewMarker(
        title=options.title, note=options.note, ts_ms=at_ms, blueprint_id=options.blueprint, axis=options.axis
    )
    markers.check(now, **msgspec.structs.asdict(new))
    _print(msgspec.json.encode(store.mark(new)))
    return DONE


def state(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    _print(msgspec.json.encode(pattern_state.change(store, options)))
    return DONE


def note(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    subject = notes.subject_of(options.about)
    notes.check_text(options.text)
    _print(msgspec.json.encode(store.add_note(*subject, options.text)))
    return DONE


def verify(options: argparse.Namespace) -> int:
    try:
        if options.checkpoint:
            said = verify_export.sentence(options)
        elif verify_export.is_export(options.receipt):
            return _fail(f"{options.receipt}: is an export of the log; name its checkpoint with --checkpoint", FAILED)
        else:
            said = verify_receipt.sentence(verify_receipt.proven(options))
    except Unproven as reason:
        return _fail(f"not valid: {options.receipt}: {reason}", FINDINGS)
    except ModuleNotFoundError as error:
        if error.name != "cryptography":
            raise
        return _fail("verifying needs another package; run: pip install 'enhancelog[verify]'", FAILED)
    _print(printable_line(said).encode())
    return DONE


def receipt(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    _print(store.receipt(options.issue_id).removesuffix(b"\n"))
    return DONE


def mcp(store: HttpEnhanceLogStore, options: argparse.Namespace) -> int:
    try:
        from enhancelog.agents.mcp_server import serve
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        return _fail("the MCP server needs another package; run: pip install 'enhancelog[mcp]'", FAILED)
    serve(store.connection)
    return DONE


def _connected(run: Command, options: argparse.Namespace) -> int:
    with Connection.from_environment(total_s=options.timeout) as connection:
        watch = Watch(connection)
        code = run(HttpEnhanceLogStore(connection), options)
        # After the work, which stays done, and where the server was there to do it.
        is_local = run is append and options.spool is not None
        if code == FAILED or is_local:
            return code
        fork = watch.look(0 if run in (append, flush) else EVERY_S)
    if not fork:
        return code
    print(f"enhancelog: {fork}", file=sys.stderr)
    return FINDINGS


def _append(taking: Taking, item: Item) -> dict[str, Any]:
    store, success = taking
    if not isinstance(item, Found):
        return {"where": item.where, "result": "invalid", "error": one_line(str(item.reason))}
    about = {"where": item.where, "issue_id": item.entry.issue_id}
    try:
        return {**about, "result": success, "digest": store.append(item.entry)}
    except Conflict as conflict:
        if conflict.identical:
            return {**about, "result": "identical"}
        if isinstance(conflict, Redacted):
            return {**about, "result": "redacted"}
        differs = f"differs in {', '.join(conflict.differs)}" if conflict.differs else "is different"
        return {**about, "result": "conflict", "error": f"the stored entry {differs}"}
    except Invalid as refusal:
        return {**about, "result": "invalid", "error": one_line(str(refusal))}


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _fail(reason: object, code: int) -> int:
    print(f"enhancelog: {one_line(str(reason))}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = parsers.Program(
        prog="enhancelog",
        description="Read an enhance log, and append to it.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--timeout",
        type=parsers.seconds,
        default=TOTAL_S,
        help="seconds for a request and its retries (default: %(default)g)",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=parsers.Parser)

    def command(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        return offline(name, functools.partial(_connected, run), text)

    def offline(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        made.set_defaults(run=run)
        return made

    chosen = command(
        "append",
        append,
        "Store entries from JSON, NDJSON or a JSON array, or the checks of a commit; print a line for each.",
    )
    chosen.add_argument("file", metavar="FILE", nargs="?", default="-", help="default: -, standard input")
    chosen.add_argument("--spool", metavar="PATH", help="write to this spool instead, for flush to send")
    check_entries.add_options(chosen)
    chosen = command("flush", flush, "Send the entries of a spool; print a line for each that the server refuses.")
    chosen.add_argument("--spool", metavar="PATH", help="default: ENHANCELOG_SPOOL")
    command("get", get, "Print one entry.").add_argument("issue_id", metavar="ID")
    parsers.add_list_options(command("list", list_entries, "Print entries as NDJSON, oldest first."))
    why_question.add_arguments(
        command("why", why, "Print why runs of a Blueprint were denied, or what was tried on a document.")
    )
    chosen = command("mark", mark, "Say that something changed, such as a prompt; print the marker.")
    chosen.add_argument("title", metavar="TITLE", help="what changed, in one line")
    chosen.add_argument("--note", metavar="TEXT", default="", help="more about it")
    chosen.add_argument("--at", metavar="TIME", help="2026-11-09T14:00:00Z, 2026-11-09, 3h (ago) (default: now)")
    chosen.add_argument("--blueprint", metavar="ID", help="of this Blueprint alone")
    chosen.add_argument("--axis", metavar="AXIS", help="of this axis alone")
    pattern_state.add_arguments(
        command("state", state, "Say what a deny pattern is, such as expected or fixed; print its state.")
    )
    chosen = command("note", note, "Write a note about a pattern, an entry, a Blueprint or a marker; print it.")
    chosen.add_argument("about", metavar="ABOUT", help="such as entry:h-1, pattern:ID, blueprint:main, marker:ID")
    chosen.add_argument("text", metavar="TEXT", help="Markdown; @name tells a user")
    chosen = command("receipt", receipt, "Print the receipt of an entry, which proves that the log has it.")
    chosen.add_argument("issue_id", metavar="ID")
    verify_receipt.add_arguments(
        offline(
            "verify", verify, "Verify a receipt, or an export of the whole log, without a server; print what it proves."
        )
    )
    command("mcp", mcp, "Serve MCP tools to a model over standard input and output.")
    return parser
