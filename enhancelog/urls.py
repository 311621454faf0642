"""Every URL of the project. An id is always the last part of a path."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from enhancelog.api import alert_urls, description, evidence_urls
from enhancelog.api import urls as api_urls
from enhancelog.api.audit import AuditList
from enhancelog.api.metrics import MetricsView
from enhancelog.api.notes import NoteByItsId, NoteList
from enhancelog.api.triage import TriageExport, TriageImport
from enhancelog.server import health
from enhancelog.web import urls as web_urls
from enhancelog.web.pages import account, api_docs

handler400 = "enhancelog.web.failures.bad_request"
handler403 = "enhancelog.web.failures.forbidden"
handler404 = "enhancelog.web.failures.not_found"
handler500 = "enhancelog.web.failures.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("v1/enhance/", include(api_urls)),
    path("v1/evidence/", include(evidence_urls)),
    path("v1/audit", AuditList.as_view(), name="api_audit_list"),
    path("v1/triage/export", TriageExport.as_view(), name="api_triage_export"),
    path("v1/triage/import", TriageImport.as_view(), name="api_triage_import"),
    path("v1/notes", NoteList.as_view(), name="api_note_list"),
    path("v1/notes/<id:note_id>", NoteByItsId.as_view(), name="api_note"),
    path("v1/", include(alert_urls)),
    path("v1/openapi.json", description.OpenApi.as_view(), name="openapi"),
    path("v1/schemas/entry.json", description.EntrySchema.as_view(), name="entry_schema"),
    path("v1/docs/", api_docs.docs, name="api_docs"),
    path("", include("content.urls")),
    path("", include(web_urls)),
    path("admin/login/", account.admin_sign_in),
    path("admin/logout/", account.SignOut.as_view(), name="admin_sign_out"),
    # Django's own routes to these let browsers keep the pages.
    path("admin/password_change/", admin.site.admin_view(admin.site.password_change)),
    path("admin/password_change/done/", admin.site.admin_view(admin.site.password_change_done)),
    path("admin/", admin.site.urls),
]
