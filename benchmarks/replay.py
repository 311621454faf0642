"""The raw limit: a tape played by the bare driver, with prepared statements and values.

``python -m benchmarks.replay TAPE DATABASE [--only TABLE] [--read]`` prints ``ready``. For each line with a
number of transactions it plays these and prints the seconds of each as JSON; at the end, each table's row count.
``--only``: INSERTs into the table; ``--read``: statements without a transaction, all rows fetched.
"""

import argparse
import json
import re
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import psycopg

from benchmarks.tape import Statement, Tape, Transaction

CACHED_STATEMENTS = 512


class Driver(Protocol):
    def prepare(self, statement: Statement) -> Statement:
        """The statement in this driver's syntax."""

    def play(self, transaction: Transaction) -> None: ...

    def read(self, statements: Transaction) -> None: ...

    def count(self, table: str) -> int:
        pass


class Sqlite:
    """As durable as the product: WAL, every COMMIT synced."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=CACHED_STATEMENTS)
        for pragma in ("synchronous=FULL", "temp_store=MEMORY", "cache_size=-4096"):
            self._connection.execute(f"PRAGMA {pragma}")

    def prepare(self, statement: Statement) -> Statement:
        sql = (
            re.sub("(?<!%)%s", "?", statement.sql).replace("%%", "%") if statement.values is not None else statement.sql
        )
        values = [tuple(row) for row in statement.values] if statement.many else tuple(statement.values or ())
        return statement._replace(sql=sql, values=values)

    def play(self, transaction: Transaction) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for sql, values, many in transaction:
            cursor = self._connection.executemany(sql, values) if many else self._connection.execute(sql, values)
            cursor.fetchall()
        self._connection.execute("COMMIT")

    def read(self, statements: Transaction) -> None:
        for sql, values, _ in statements:
            self._connection.execute(sql, values).fetchall()

    def count(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


class Postgresql:
    """Values are inlined in statements that cannot be prepared because types are unknown."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=1)
        self._by_client: set[str] = set()

    def prepare(self, statement: Statement) -> Statement:
        values = [tuple(row) for row in statement.values] if statement.many else statement.values
        return statement._replace(values=values)

    def play(self, transaction: Transaction) -> None:
        with self._connection.transaction():
            for statement in transaction:
                self._execute(statement)

    def read(self, statements: Transaction) -> None:
        for statement in statements:
            self._execute(statement)

    def _execute(self, statement: Statement) -> None:
        sql: Any = statement.sql
        if statement.is_copy:
            with self._connection.cursor() as cursor, cursor.copy(sql) as copy:
                for row in statement.values:
                    copy.write_row(row)
            return
        if statement.many:
            self._connection.cursor().executemany(sql, statement.values)
            return
        if statement.sql not in self._by_client:
            try:
                self._fetch(self._connection.cursor(), sql, statement.values)
            except psycopg.errors.IndeterminateDatatype:
                self._by_client.add(statement.sql)
            else:
                return
        self._fetch(psycopg.ClientCursor(self._connection), sql, statement.values)

    @staticmethod
    def _fetch(cursor: "psycopg.Cursor[Any]", sql: Any, values: Any) -> None:
        cursor.execute(sql, values)
        if cursor.description:
            cursor.fetchall()

    def count(self, table: str) -> int:
        sql: Any = f"SELECT COUNT(*) FROM {table}"
        row: Any = self._connection.execute(sql).fetchone()
        return int(row[0])


def only(table: str, transactions: Sequence[Transaction]) -> list[Transaction]:
    wanted = re.compile(rf"(INSERT INTO|COPY) {table}\b")
    return [[statement for statement in transaction if wanted.match(statement.sql)] for transaction in transactions]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tape", type=Path)
    parser.add_argument("database")
    parser.add_argument("--only", default="")
    parser.add_argument("--read", action="store_true")
    options = parser.parse_args()
    tape = Tape.load(options.tape)
    driver: Driver = Postgresql(options.database) if tape.vendor == "postgresql" else Sqlite(options.database)
    chosen = only(options.only, tape.transactions) if options.only else tape.transactions
    transactions = [[driver.prepare(statement) for statement in transaction] for transaction in chosen]
    perform = driver.read if options.read else driver.play
    say("ready")
    at = 0
    for line in sys.stdin:
        part = [transactions[number % len(transactions)] for number in range(at, at + int(line))]
        if not options.read and at + len(part) > len(transactions):
            raise SystemExit("the tape has ended")
        at += len(part)
        seconds = []
        for transaction in part:
            began = time.perf_counter()
            perform(transaction)
            seconds.append(time.perf_counter() - began)
        say(json.dumps(seconds))
    say(json.dumps({table: driver.count(table) for table in tape.rows}))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
