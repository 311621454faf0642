"""Ids come last, because they may contain slashes."""

from django.urls import path

from content import api, creating, editing, entry_panel, pages
from enhancelog import converters  # noqa: F401  <id:…>

urlpatterns = [
    path("v1/content", api.StoryList.as_view(), name="api_story_list"),
    path("v1/content/import", api.Import.as_view(), name="api_content_import"),
    path("v1/content/export", api.Export.as_view(), name="api_content_export"),
    path("v1/content/stories/<id:story_id>", api.Story.as_view(), name="api_story"),
    path("v1/content/kinds/<str:kind>/<id:story_id>", api.ContentKey.as_view(), name="api_content_key"),
    path("v1/content/take/<str:kind>/<id:story_id>", api.Take.as_view(), name="api_content_take"),
    path("v1/content/increment/<str:kind>/<id:story_id>", api.Increment.as_view(), name="api_content_increment"),
    path("content/", pages.content_list, name="content_list"),
    path("content/new", creating.content_new, name="content_new"),
    path("content/stories/<id:story_id>", pages.content_detail, name="content_detail"),
    path("content/edit/<str:kind>/<id:story_id>", editing.content_edit, name="content_edit"),
    path("content/history/<str:kind>/<id:story_id>", pages.content_history, name="content_history"),
    path("content/links/<id:issue_id>", entry_panel.content_link, name="content_link"),
]
