from django.urls import path

from enhancelog import converters  # noqa: F401  <id:…>
from enhancelog.api import views
from enhancelog.api.axes import AxisByItsName, AxisList, WhatIf
from enhancelog.api.differences import DifferenceList
from enhancelog.api.funnel import FunnelOfIntents
from enhancelog.api.markers import MarkerByItsId, MarkerList
from enhancelog.api.observed import DocumentByHash, PatchesOfEntry, UnfinishedRunByItsId, UnfinishedRunList
from enhancelog.api.patterns import PatternByItsId, PatternHistory, PatternList
from enhancelog.api.reviews import QueueOfReviews, ReviewsOfEntry
from enhancelog.api.steadiness import SteadinessOfAxes
from enhancelog.api.themes import ThemesOfAxis
from enhancelog.api.why import WhyRejected

urlpatterns = [
    path("log", views.EntryList.as_view(), name="api_entry_list"),
    path("log/", views.trailing_slash),
    path("log/<id:issue_id>", views.EntryDetail.as_view(), name="api_entry_detail"),
    path("entries/<id:issue_id>", views.KnownEntry.as_view(), name="api_known_entry"),
    path("patterns", PatternList.as_view(), name="api_pattern_list"),
    path("patterns/history/<id:pattern_id>", PatternHistory.as_view(), name="api_pattern_history"),
    path("patterns/<id:pattern_id>", PatternByItsId.as_view(), name="api_pattern"),
    path("patches/<id:issue_id>", PatchesOfEntry.as_view(), name="api_patches"),
    path("documents/<id:hash>", DocumentByHash.as_view(), name="api_document"),
    path("unfinished", UnfinishedRunList.as_view(), name="api_unfinished_run_list"),
    path("unfinished/<id:issue_id>", UnfinishedRunByItsId.as_view(), name="api_unfinished_run"),
    path("axes", AxisList.as_view(), name="api_axis_list"),
    path("axes/<id:axis>", AxisByItsName.as_view(), name="api_axis"),
    path("themes/<id:axis>", ThemesOfAxis.as_view(), name="api_themes"),
    path("what-if", WhatIf.as_view(), name="api_what_if"),
    path("funnel", FunnelOfIntents.as_view(), name="api_funnel"),
    path("steadiness", SteadinessOfAxes.as_view(), name="api_steadiness"),
    path("markers", MarkerList.as_view(), name="api_marker_list"),
    path("markers/<id:marker_id>", MarkerByItsId.as_view(), name="api_marker"),
    path("reviews/<id:issue_id>", ReviewsOfEntry.as_view(), name="api_reviews"),
    path("review-queue", QueueOfReviews.as_view(), name="api_review_queue"),
    path("differences", DifferenceList.as_view(), name="api_differences"),
    path("why", WhyRejected.as_view(), name="api_why"),
]
