"""Verifies the whole database, with progress; for ``verify_log`` and ``restore``."""

from collections.abc import Sequence

from django.core.management.base import OutputWrapper

from enhancelog.maintenance import evidence_verification
from enhancelog.maintenance.evidence_verification import Known, Run
from enhancelog.management.reporting import counted, listed, printable, progress
from enhancelog.queries.horizon import grouped
from enhancelog.store import host_derivation, theme_derivation, touch_derivation
from enhancelog.store.verification import Part, parts


def verify(stdout: OutputWrapper, stderr: OutputWrapper, known: Sequence[Known] = ()) -> bool:
    """Prints a line for each finding, and returns whether there are any. ``known``: checkpoints kept elsewhere."""
    verified: list[str] = []
    findings = 0
    evidence = Run(known)
    for part in (evidence.part if part is evidence_verification.PART else part for part in parts()):
        done, found = _verify(part, stdout, stderr)
        findings += found
        if done or not verified:
            verified.append(counted(done, part.rows))
    for line in evidence.said:
        stdout.write(printable(line))
    _say_what_is_underived(stdout)
    said = counted(findings, "findings") if findings else "no problems found"
    stdout.write(f"verified {listed(verified)}: {said}")
    return findings > 0


def _say_what_is_underived(stdout: OutputWrapper) -> None:
    last, up_to = grouped()
    if up_to < last:
        stdout.write(
            f"deny patterns are derived to position {up_to:,} of {last:,}, which is not an error: a running server "
            "or the next import derives the rest"
        )
    derived = host_derivation.progress()
    if derived is not None and not derived.is_done:
        stdout.write(
            f"entries are joined to hosts' patches up to position {derived.done.entries:,} of "
            f"{derived.last.entries:,} and patch {derived.done.patches:,} of {derived.last.patches:,}, which is not"
            " an error: a running server or the next import derives the rest"
        )
    if not touch_derivation.progress().is_done:
        stdout.write(
            "what patches touch is not derived to the end, which is not an error: a running server or the next "
            "import derives the rest"
        )
    themes = theme_derivation.progress()
    if not themes.is_done:
        stdout.write(
            f"themes are derived to position {themes.up_to:,} of {themes.last:,}, which is not an error: a running "
            "server or rebuild_projections derives the rest"
        )


def _verify(part: Part, stdout: OutputWrapper, stderr: OutputWrapper) -> tuple[int, int]:
    done = findings = 0

    def heard(number: int) -> None:
        nonlocal done
        done = number
        report(number, counted(number, part.rows))

    with progress(stderr, "Verifying", part.total()) as report:
        for finding in part.findings(heard):
            findings += 1
            stdout.write(printable(finding))
    return done, findings
