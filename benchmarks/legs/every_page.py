"""Every page that reads the log, and every kind of filter, on the large logs and on small ones of the same kind."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import cycle
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from urllib.request import urlopen

from benchmarks import generator, wide
from benchmarks.bench import LOG, Bench, get, latency
from benchmarks.children import module, perform, product_environment
from benchmarks.databases import DATABASES, USUAL, WIDE
from benchmarks.rounds import Contender, Fact, Results, Target
from benchmarks.servers import Server, application, enhancelog

MOST_MS: Final = 100.0
MOST_OVER_SMALL: Final = 3.0
API: Final = "/v1/enhance"
AXIS: Final = "noop"  # one that denies often

# The names in braces are those of the log that is read.
PAGES: Final[Mapping[str, str]] = {
    **{f"home, {period}": f"/?period={period}" for period in ("24h", "7d", "30d", "90d", "all")},
    "home of a Blueprint": "/?blueprint_id={blueprint}&period=90d",
    "blueprints": "/blueprints/?period=90d",
    "timeline": "/blueprints/{blueprint}",
    "timeline of a rare Blueprint": "/blueprints/{rare}",
    "entry": "/entries/{entry}",
    "patterns": "/patterns/?period=90d",
    "patterns, all": "/patterns/?period=all",
    "new patterns": "/patterns/?period=7d&is=new",
    "a pattern": "/patterns/{pattern}?period=90d",
    "axes": "/axes/?period=all",
    "an axis": f"/axes/{AXIS}?period=all",
    "matrix, 24h": "/matrix/?period=24h",
    "matrix": "/matrix/?period=90d",
    "what denied together": "/matrix/?view=together&period=90d",
    "what came next": "/matrix/?view=next&period=90d",
    "what if": f"/matrix/?view=what-if&without={AXIS}&period=90d",
    "funnel, 24h": "/funnel/?period=24h",
    "funnel": "/funnel/?period=90d",
    "steadiness": "/steadiness/",
    "fields": "/fields/",
    "documents": "/documents/",
    "unfinished": "/unfinished/",
    "sources": "/sources/",
    "markers": "/markers/",
    "triage": "/triage/",
    "reviews": "/triage/reviews/",
    "evidence": "/evidence/",
    "completions": "/palette/completions?q=axis:n",
    "rejections": "/rejections/",
    "rejections, 24h": "/rejections/?period=24h",
    "rejections, 7d": "/rejections/?period=7d",
    "rejections, all": "/rejections/?period=all",
    "rejections by Blueprint": "/rejections/?blueprint_id={blueprint}",
    "rejections by prefix": "/rejections/?blueprint_prefix={prefix}",
    "rejections by axis": f"/rejections/?axis={AXIS}",
    "rejections by two axes": f"/rejections/?axis={AXIS}&axis=des",
    "rejections by rare axis": "/rejections/?axis=licence",
    "rejections by no axis but": f"/rejections/?only={AXIS}",
    "rejections by none but": f"/rejections/?without={AXIS}&without=des",
    "rejections by one axis": "/rejections/?axes=one",
    "rejections by many axes": "/rejections/?axes=many",
    "rejections by no axis": "/rejections/?not_axes=one&not_axes=many",
    "rejections by other axes": f"/rejections/?not_axis={AXIS}",
    "rejections by pattern": "/rejections/?pattern={pattern}",
    "rejections by new patterns": "/rejections/?is=new&period=7d",
    "rejections, of a source": "/rejections/?source={source}",
    "rejections, of no source": "/rejections/?source=nobody",
    "rejections, passed by": f"/rejections/?axis_passed={AXIS}",
    "rejections, not judged by": f"/rejections/?axis_absent={AXIS}",
    "rejections, of a meta value": "/rejections/?meta.model=m-large",
    "rejections, of a place": "/rejections/?touches=/agents/1",
    **{
        f"rejections, has {what}": f"/rejections/?has={what}" for what in ("patch", "candidate", "gap", "badge", "flip")
    },
    **{f"rejections, afterwards {what}": f"/rejections/?afterwards={what}" for what in ("applied", "rejected", "none")},
    **{f"rejections, next {what}": f"/rejections/?next={what}" for what in ("applied", "same", "other", "none")},
    **{f"rejections, attempt {what}": f"/rejections/?attempt={what}" for what in ("first", "third", "later")},
    "rejections, with a word": "/rejections/?word={word}",
    "rejections, by length": "/rejections/?rationale_length=1920-",
    "rejections, by hour": "/rejections/?hour=3",
    "rejections, with a text": "/rejections/?text={word}",
    "rejections, without a hit": "/rejections/?text=nowhereatall",
    "rejections, with a phrase": "/rejections/?phrase={word}",
    "search": "/search/?phrase={word}",
    "search for a rare word": "/search/?phrase={rare_word}",
    "search without a hit": "/search/?phrase=nowhereatall",
    "search for a part": "/search/?text={rare_word}",
    "search for a part without a hit": "/search/?text=nowhereatall",
    "search by afterwards": "/search/?afterwards=rejected",
    "search for gaps": "/search/?has=gap",
    "search for the rest": f"/search/?not_matching=axis%3D{AXIS}%26next%3Dapplied",
    "search for nothing like it": "/search/?op=move",
    "list": f"{LOG}?page_size=50",
    "list of newest": f"{LOG}?page_size=50&order=desc",
    "list of gaps": f"{LOG}?page_size=50&has=gap",
    "list without a hit": f"{LOG}?page_size=50&text=nowhereatall",
    "feed": f"{LOG}?format=atom&status=rejected",
    "feed without a hit": f"{LOG}?format=atom&text=nowhereatall",
    "entry as JSON": f"{LOG}/{{entry}}",
    "patterns as JSON": f"{API}/patterns?period=90d",
    "axes as JSON": f"{API}/axes?period=90d",
    "what if as JSON": f"{API}/what-if?without={AXIS}&period=90d",
    "funnel as JSON": f"{API}/funnel?period=90d",
    "steadiness as JSON": f"{API}/steadiness",
    "why": f"{API}/why?blueprint_id={{blueprint}}",
}


class Log(NamedTuple):
    """What pages are asked for; ``large``: entries."""

    kind: str
    large: int
    names: Mapping[str, str]


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        for log in logs(bench):
            results.add(_run(bench, vendor, log))
    return results


def logs(bench: Bench) -> tuple[Log, ...]:
    words = generator.words(bench.plan.seed)
    texts = {"word": words[0], "rare_word": words[-1]}
    usual = {"blueprint": generator.BLUEPRINTS[0], "rare": generator.BLUEPRINTS[-1], "prefix": "team-1/"}
    many = {"blueprint": wide.BLUEPRINTS[0], "rare": wide.BLUEPRINTS[20], "prefix": "group-1/"}
    return (
        Log(USUAL, bench.plan.large, usual | texts | {"source": "bench"}),
        Log(WIDE, bench.plan.wide, many | texts | {"source": wide.SOURCES[0]}),
    )


def _run(bench: Bench, vendor: str, log: Log) -> Results:
    small, large = bench.plan.small, log.large
    contenders, targets = [], []
    with ExitStack() as stack:
        asked = {size: stack.enter_context(_asked(bench, vendor, log, size)) for size in (small, large)}
        for page in PAGES:
            over, under = (f"{page}: {log.kind} of {size:,} ({vendor})" for size in (large, small))
            contenders += [asked[large](over, page), asked[small](under, page)]
            targets.append(Target(f"{over}, over {small:,}", over, under, at_most=MOST_OVER_SMALL))
        results = bench.measure(contenders)
    results.targets += targets
    results.facts += [Fact(each.over, results.values(each.over), "ms", at_most=MOST_MS) for each in targets]
    return results


@contextmanager
def _asked(bench: Bench, vendor: str, log: Log, size: int) -> Iterator[Callable[[str, str], Contender]]:
    with bench.databases.copy_of(vendor, size, log.kind) as database:
        with enhancelog(database, bench.log):
            pass
        bench.progress(f"making the evidence of {size:,} entries on {vendor}")  # else the server does so meanwhile
        environment = product_environment(database.data_dir, database.url)
        perform(module("benchmarks.legs.evidence", "sign"), environment, bench.log)
        with application("benchmarks.at_the_end", database, bench.log) as server:
            names = {**log.names, **_newest(server)}

            def contender(name: str, page: str) -> Contender:
                requests = cycle([get(server, address(page, names))])
                return Contender(name, "ms", latency(server, requests, 1))

            yield contender


def address(page: str, names: Mapping[str, str]) -> str:
    return PAGES[page].format_map({name: quote(value, safe="") for name, value in names.items()})


def _newest(server: Server) -> dict[str, str]:
    """The newest rejection and the most frequent pattern."""
    (entry,) = _read(server, f"{LOG}?status=rejected&order=desc&page_size=1")
    pattern = _read(server, f"{API}/patterns?period=all&page_size=1")[0]
    return {"entry": entry["issue_id"], "pattern": pattern["id"]}


def _read(server: Server, target: str) -> Any:
    with urlopen(f"http://{server.address.host}:{server.address.port}{target}") as answer:
        return json.load(answer)
