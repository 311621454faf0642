"""The command that sets the state of a deny pattern."""

import argparse

from msgspec import UNSET

from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain import pattern_states
from enhancelog.domain.pattern_states import CAUSES, STATES, StateEdit, StateOfPattern


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pattern_id", metavar="PATTERN", help="its id, as on its page")
    parser.add_argument("state", metavar="STATE", choices=STATES, help=", ".join(STATES))
    parser.add_argument("--cause", choices=CAUSES, metavar="CAUSE", help=f"what should change: {', '.join(CAUSES)}")
    parser.add_argument("--assignee", metavar="USER", help="who takes care of it")
    parser.add_argument("--note", metavar="TEXT", default="", help="about this change")
    parser.add_argument("--most-a-day", metavar="N", type=int, help="an expected pattern returns on a day with more")
    parser.add_argument("--seen", metavar="CHANGE", type=int, help="only if this is its latest change; 0: it has none")


def change(store: HttpEnhanceLogStore, options: argparse.Namespace) -> StateOfPattern:
    edit = StateEdit(
        state=options.state,
        cause=options.cause or UNSET,
        assignee=options.assignee or UNSET,
        note=options.note,
        most_a_day=UNSET if options.most_a_day is None else options.most_a_day,
    )
    pattern_states.check(edit)
    return store.set_pattern_state(options.pattern_id, edit, options.seen)
