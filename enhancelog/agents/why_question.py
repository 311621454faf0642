"""The command that asks why runs were denied."""

import argparse

import msgspec

from enhancelog.agents import parsers
from enhancelog.client.log_store import HttpEnhanceLogStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--blueprint-id", metavar="ID")
    parser.add_argument("--intent", metavar="TEXT", default="", help="what you are about to try")
    parser.add_argument("--prev-hash", metavar="HASH", help="instead, print the attempts made from this document")
    parser.add_argument(
        "--limit", metavar="N", type=parsers.positive, help="with --prev-hash: the newest N attempts (3)"
    )
    parser.add_argument("--format", choices=["json", "text"], default="json", help="text: for a prompt")
    parser.add_argument(
        "--max-chars", metavar="N", type=parsers.positive, help="with text: at most N characters (8,000)"
    )


def fault(options: argparse.Namespace) -> str:
    """Why this is no question; empty if it is one."""
    if options.prev_hash is None and options.blueprint_id is None:
        return "why needs --blueprint-id or --prev-hash"
    if options.prev_hash is None and options.limit is not None:
        return "--limit needs --prev-hash"
    if options.prev_hash is not None and options.intent:
        return "--intent cannot be used with --prev-hash"
    if options.format != "text" and options.max_chars is not None:
        return "--max-chars needs --format text"
    return ""


def answer(store: HttpEnhanceLogStore, options: argparse.Namespace) -> bytes:
    return _text(store, options).rstrip("\n").encode() if options.format == "text" else _json(store, options)


def _json(store: HttpEnhanceLogStore, options: argparse.Namespace) -> bytes:
    if options.prev_hash is None:
        found = store.why(options.blueprint_id, options.intent)
    else:
        found = msgspec.json.encode(store.tried_before(options.prev_hash, options.blueprint_id, options.limit))
    return msgspec.json.format(found, indent=2)


def _text(store: HttpEnhanceLogStore, options: argparse.Namespace) -> str:
    if options.prev_hash is None:
        return store.why_text(options.blueprint_id, options.intent, options.max_chars)
    return store.tried_before_text(options.prev_hash, options.blueprint_id, options.limit, options.max_chars)
