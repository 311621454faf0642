"""The pages. View, template and URL share one name."""

from django.urls import path

from enhancelog import converters  # noqa: F401  <id:…>
from enhancelog.web import browser_files, theme
from enhancelog.web.pages import (
    account,
    blueprints,
    documents,
    entry,
    matrix,
    overview,
    palette,
    pattern,
    pattern_changes,
    patterns,
    rejections,
    resume,
    saved_views,
    search,
    timeline,
    tokens,
    unfinished,
)

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("rejections/", rejections.rejection_list, name="rejection_list"),
    path("patterns/", patterns.pattern_list, name="pattern_list"),
    path("patterns/split/<id:pattern_id>", pattern_changes.split_pattern, name="split_pattern"),
    path("patterns/merge/<id:pattern_id>", pattern_changes.merge_pattern, name="merge_pattern"),
    path("patterns/undo/<int:change_id>", pattern_changes.undo_pattern_change, name="undo_pattern_change"),
    path("patterns/<id:pattern_id>", pattern.pattern_detail, name="pattern_detail"),
    path("matrix/", matrix.matrix, name="matrix"),
    path("search/", search.search, name="search"),
    path("palette/", palette.palette, name="palette"),
    path("palette/completions", palette.filter_completions, name="filter_completions"),
    path("blueprints/", blueprints.blueprint_list, name="blueprint_list"),
    path("blueprints/<id:blueprint_id>", timeline.blueprint_timeline, name="blueprint_timeline"),
    path("entries/<id:issue_id>", entry.entry_detail, name="entry_detail"),
    path("documents/", documents.document_list, name="document_list"),
    path("documents/<id:hash>", documents.document_detail, name="document_detail"),
    path("unfinished/", unfinished.unfinished_run_list, name="unfinished_run_list"),
    path("unfinished/<id:issue_id>", unfinished.unfinished_run_detail, name="unfinished_run_detail"),
    path("account/sign-in", account.SignIn.as_view(), name="sign_in"),
    path("account/sign-out", account.SignOut.as_view(), name="sign_out"),
    path("account/resume", resume.Resume.as_view(), name="resume"),
    path("account/password", account.Password.as_view(), name="password"),
    path("account/tokens", tokens.token_list, name="tokens"),
    path("account/tokens/revoke-all", tokens.revoke_own_tokens, name="revoke_own_tokens"),
    path("account/tokens/revoke/<int:token_id>", tokens.revoke_token, name="revoke_token"),
    path("account/views", saved_views.saved_view_list, name="saved_view_list"),
    path("account/views/change/<int:view_id>", saved_views.change_saved_view, name="change_saved_view"),
    path("account/theme", theme.choose_theme, name="choose_theme"),
    path("robots.txt", browser_files.robots, name="robots"),
    path("favicon.ico", browser_files.favicon, name="favicon"),
]
