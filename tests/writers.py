"""A process that writes to the suite's database: ``python -m tests.writers DATABASE JOB NAME NUMBER``.

Prints what it did as JSON on its last line. Jobs: ``append`` (entries of its own), ``race`` (the entries everybody
wants), ``leave`` (appends that nobody waits for when the process ends), ``orm`` (autocommitted writes of Django's own),
``sign_in`` (a user's last sign-in, in a transaction).
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any


def start(database: str, jobs: Sequence[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """Run the jobs at the same time, each in a process; what each printed. Raises when one fails."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.writers", database, job, name, str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for job, name, number in jobs
    ]
    ended = [(process, *process.communicate(timeout=120)) for process in running]
    for process, _, errors in ended:
        assert process.returncode == 0, errors
    return [json.loads(output.splitlines()[-1]) for _, output, _ in ended]


def append(name: str, number: int) -> dict[str, Any]:
    from tests.factories import make_rejected

    for start_at in range(0, number, 7):
        ids = [f"{name}-{index}" for index in range(start_at, min(start_at + 7, number))]
        _store(name).append_batch([make_rejected("noop", "des", issue_id=issue_id, source=name) for issue_id in ids])
    return {"appended": number}


def race(name: str, number: int) -> dict[str, Any]:
    """One by one, in an order of its own; the ids that were created here."""
    from enhancelog.domain.errors import Conflict
    from tests.factories import make_rejected

    ids = [f"raced-{index}" for index in range(number)]
    random.Random(name).shuffle(ids)
    won = []
    for issue_id in ids:
        try:
            _store(name).append(make_rejected("noop", issue_id=issue_id, intent=name))
            won.append(issue_id)
        except Conflict:
            continue
    return {"name": name, "won": won}


def leave(name: str, number: int) -> dict[str, Any]:
    """The threads are not joined; the lock keeps their appends in the queue until all are there."""
    from enhancelog.backends import dialect
    from enhancelog.store import group
    from tests.factories import make_entry

    with dialect().appending():
        for index in range(number):
            entry = make_entry(issue_id=f"{name}-{index}")
            threading.Thread(target=_store(name).append, args=[entry], daemon=True).start()
        while len(group._writer._queue) < number:
            time.sleep(0.002)
    return {"waiting": number}


def orm(name: str, number: int) -> dict[str, Any]:
    from django.contrib.auth.models import Group

    for index in range(number):
        group = Group(name=f"{name}-{index}")
        group.save()
        Group.objects.filter(pk=group.pk).update(name=f"{name}-{index}-renamed")
        if index % 2:
            group.delete()
    return {"left": number - number // 2}


def sign_in(name: str, number: int) -> dict[str, Any]:
    from django.contrib.auth.models import User, update_last_login
    from django.db import transaction

    user = User.objects.create_user(name)
    for index in range(number):
        with transaction.atomic():
            update_last_login(User, user)
            User.objects.filter(pk=user.pk).update(first_name=str(index))
    return {"last": str(number - 1)}


def _store(name: str) -> Any:
    from enhancelog.domain.origin import Origin
    from enhancelog.store.database import DatabaseEnhanceLogStore

    return DatabaseEnhanceLogStore(Origin("command", name, name))


def main(database: str, job: str, name: str, number: str) -> None:
    import django
    from django.conf import settings

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    jobs = {"append": append, "race": race, "leave": leave, "orm": orm, "sign_in": sign_in}
    print(json.dumps(jobs[job](name, int(number))))


if __name__ == "__main__":
    main(*sys.argv[1:])
