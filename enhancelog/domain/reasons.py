from collections.abc import Iterable

from enhancelog.domain.records import Verdict


def reason(verdict: Verdict) -> str:
    return f"{verdict.axis}: {verdict.detail}"


def reasons(verdicts: Iterable[Verdict]) -> list[str]:
    # One for each denial, in order.
    return [reason(verdict) for verdict in verdicts if verdict.status == "deny"]
