from django.urls import path

from enhancelog import converters  # noqa: F401  <id:…>
from enhancelog.api.alerts import AlertByItsId, AlertList, AlertTest
from enhancelog.api.deliveries import DeliveryList, SendAgain

urlpatterns = [
    path("alerts", AlertList.as_view(), name="api_alert_list"),
    path("alerts/test/<id:alert_id>", AlertTest.as_view(), name="api_alert_test"),
    path("alerts/<id:alert_id>", AlertByItsId.as_view(), name="api_alert"),
    path("deliveries", DeliveryList.as_view(), name="api_delivery_list"),
    path("deliveries/retry/<id:delivery_id>", SendAgain.as_view(), name="api_retry_delivery"),
]
