"""Messages that nobody here wrote, each with the label of what wrote it."""

import hashlib
import json
import random
import subprocess
import sysconfig
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.children import Failed
from tests.patterns import fresh, held_out, later, tuned, unseen, untouched
from tests.patterns.scoring import written

# Installed with the product, so that their versions are pinned. Their sources have thousands of faults.
SOURCES: Final = ("allauth", "django", "drf_spectacular", "jinja2", "rest_framework")
MOST_OF_A_RULE: Final = 100
FILES_FOR_PYLINT: Final = 150  # it takes a second for each
CORPORA: Final = (tuned, held_out, unseen, untouched, fresh, later)
_SEED: Final = 7


class Message(NamedTuple):
    label: str
    text: str


Axis = Sequence[Message]


def is_held_back(axis: str, label: str) -> bool:
    """Half of the labels, whose messages were not looked at while the rules were made."""
    return hashlib.sha256(f"{axis}:{label}".encode()).digest()[0] % 2 == 1


def logs(folder: Path) -> dict[str, Axis]:
    """One axis for each file: a label, a tab and a message in each line."""
    files = sorted(folder.glob("*.tsv"))
    if not files:
        raise Failed(f"{folder} has no *.tsv with a label, a tab and a message in each line")
    return {file.stem: [_labelled(line) for line in file.read_text().splitlines()] for file in files}


def _labelled(line: str) -> Message:
    label, _, text = line.partition("\t")
    return Message(label, text)


def linters(environment: Path) -> dict[str, Axis]:
    """What the linters of an environment say about the sources of packages; the label is their rule."""
    packages = Path(sysconfig.get_path("purelib"))
    sources = [str(packages / name) for name in SOURCES if (packages / name).is_dir()]
    every = sorted(str(file) for source in sources for file in Path(source).rglob("*.py"))
    some = random.Random(_SEED).sample(every, min(FILES_FOR_PYLINT, len(every)))
    ruff = ["check", "--isolated", "--no-cache", "--select", "ALL", "--output-format", "json"]
    pylint = ["--enable=all", "--disable=fixme", "--output-format=json", "--rcfile=/dev/null"]
    return {
        "ruff": _few(_said(environment, ["ruff", *ruff, *sources], "code", "message")),
        "pylint": _few(_said(environment, ["pylint", *pylint, *some], "message-id", "message")),
        "bandit": _few(_said(environment, ["bandit", "-r", "-q", "-f", "json", *sources], "test_id", "issue_text")),
    }


def _said(environment: Path, command: Sequence[str], label: str, text: str) -> Iterator[Message]:
    done = subprocess.run([environment / "bin" / command[0], *command[1:]], capture_output=True, text=True, cwd="/")
    try:
        said: Any = json.loads(done.stdout)
    except ValueError as error:
        raise Failed(f"{command[0]} did not answer with JSON: {done.stderr.strip()[-300:]}") from error
    for one in said["results"] if isinstance(said, dict) else said:
        yield Message(str(one[label]), one[text])


def _few(messages: Iterable[Message]) -> Axis:
    of_rule: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        of_rule[message.label].append(message)
    chance = random.Random(_SEED)
    few = [chance.sample(said, min(MOST_OF_A_RULE, len(said))) for _, said in sorted(of_rule.items())]
    return chance.sample(every := [message for said in few for message in said], len(every))


def denials() -> Mapping[str, Mapping[str, Axis]]:
    """The corpora of the tests, by name and axis."""
    return {
        corpus.__name__.rpartition(".")[2]: {
            axis: [Message(str(one.by), one.detail) for one in written(axis, templates, _SEED)]
            for axis, templates in corpus.AXES.items()
        }
        for corpus in CORPORA
    }
