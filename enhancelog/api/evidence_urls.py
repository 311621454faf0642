from django.urls import path

from enhancelog import converters  # noqa: F401  <id:…>
from enhancelog.api.evidence import CheckpointOfLog, ConsistencyOfLog, KeysOfLog, ReceiptOfEntry, TileOfLog

urlpatterns = [
    path("checkpoint", CheckpointOfLog.as_view(), name="api_checkpoint"),
    path("keys", KeysOfLog.as_view(), name="api_evidence_keys"),
    path("proofs/<id:issue_id>", ReceiptOfEntry.as_view(), name="api_receipt"),
    path("consistency", ConsistencyOfLog.as_view(), name="api_consistency"),
    path("tile/<id:path>", TileOfLog.as_view(), name="api_tile"),
]
