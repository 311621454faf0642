"""The content store's URLs: the API below ``/v1/content``, the pages below ``/content/``. An id is always last."""

from django.urls import path

from content import api

urlpatterns = [
    path("v1/content", api.StoryList.as_view(), name="api_story_list"),
    path("v1/content/import", api.Import.as_view(), name="api_content_import"),
    path("v1/content/export", api.Export.as_view(), name="api_content_export"),
    path("v1/content/stories/<path:story_id>", api.Story.as_view(), name="api_story"),
    path("v1/content/kinds/<str:kind>/<path:story_id>", api.ContentKey.as_view(), name="api_content_key"),
    path("v1/content/take/<str:kind>/<path:story_id>", api.Take.as_view(), name="api_content_take"),
    path("v1/content/increment/<str:kind>/<path:story_id>", api.Increment.as_view(), name="api_content_increment"),
]
