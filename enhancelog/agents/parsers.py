"""Parsers of the command line, and of numbers in it. A wrong argument is one line and exit code 2."""

import argparse
from typing import Final, NoReturn

from enhancelog.agents import added_commands
from enhancelog.client.exchange import one_line
from enhancelog.domain import page_sizes
from enhancelog.domain.filters import PARAMETERS

MOST_SECONDS: Final = 86_400


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {one_line(message)}; see --help\n")


class Program(Parser):
    """Its help also lists the commands that others add."""

    def format_help(self) -> str:
        return super().format_help() + added_commands.listing()


def positive(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f'must be a whole number above 0, not "{text}"')


def seconds(text: str) -> float:
    number = float(text)
    if 0 < number <= MOST_SECONDS:
        return number
    raise argparse.ArgumentTypeError(f'must be above 0 and at most {MOST_SECONDS:,} seconds, not "{text}"')


def add_list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--order", choices=["asc", "desc"], default="asc", help="by time (default: %(default)s)")
    parser.add_argument("--max", metavar="N", type=positive, help="stop after N entries")
    parser.add_argument(
        "--page-size",
        metavar="N",
        type=positive,
        default=page_sizes.CLIENT,
        help="entries per request (%(default)s)",
    )
    add_filters(parser)


def add_filters(parser: argparse.ArgumentParser) -> None:
    chosen = parser.add_argument_group(
        "filters", "Repeat a filter to match any of its values; a repeated --axis must match all."
    )
    for name in PARAMETERS:
        chosen.add_argument(f"--{name.replace('_', '-')}", metavar="VALUE", action="append", default=[])
    for option in ("--meta", "--not-meta"):
        chosen.add_argument(option, metavar="KEY=VALUE", action="append", default=[])
