"""What the sender asks again and again is answered by seeks, however many deliveries there are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog.alerts import outbox
from enhancelog.alerts.outbox import drop_switched_off
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert, Delivery
from enhancelog.queries import deliveries
from enhancelog.queries.deliveries import Wanted
from tests.alerts.outboxes import make_alert, make_deliveries
from tests.plans import plans, whole_tables

pytestmark = pytest.mark.django_db


def test_what_is_due_is_found_by_an_index_for_each_alert() -> None:
    make_deliveries(make_alert("https://hooks.example.org/"), 3)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        outbox.due()
    (plan,) = plans(captured).values()
    for index in ("delivery_new", "delivery_begun", "delivery_leased"):
        assert index in plan
    assert whole_tables(captured) <= {"alert"}


def test_nothing_to_drop_costs_no_more() -> None:
    alert = make_alert("https://hooks.example.org/")
    make_deliveries(alert, 3)
    Alert.objects.update(off_ms=now_ms())
    while drop_switched_off():
        pass
    with CaptureQueriesContext(connection) as captured:
        drop_switched_off()
    assert len(captured.captured_queries) == 2
    assert whole_tables(captured) <= {"alert"}


def test_list_is_read_in_the_order_of_an_index() -> None:
    alert = make_alert("https://hooks.example.org/")
    make_deliveries(alert, 3)
    make_deliveries(make_alert("https://other.example.org/", owner=alert.owner), 300)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Delivery._meta.db_table}")  # else PostgreSQL may take any index for so few rows
    for wanted, index in ((Wanted(None), "delivery_made"), (Wanted(None, alert=alert.pk), "delivery_alert")):
        with CaptureQueriesContext(connection) as captured:
            deliveries.page(wanted, 50)
        plan = next(iter(plans(captured).values()))
        assert index in plan
        assert "TEMP B-TREE" not in plan
