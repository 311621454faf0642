"""The admin: entries (read-only), API tokens, saved views, users and groups."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from enhancelog import links
from enhancelog.accounts import api_tokens, saved_views
from enhancelog.accounts.permissions import user_of
from enhancelog.domain import page_sizes, records
from enhancelog.domain.times import as_datetime
from enhancelog.models import BlueprintSummary, Entry, SavedView, Token
from enhancelog.web import admin_columns
from enhancelog.web.admin_columns import named
from enhancelog.web.admin_users import AuditedGroupAdmin, AuditedUserAdmin

if TYPE_CHECKING:  # the stubs' generics, which Django's own classes are not at run time
    _Paginator = Paginator[Entry]
    _ModelAdmin = admin.ModelAdmin[Entry]
    _TokenAdmin = admin.ModelAdmin[Token]
    _SavedViewAdmin = admin.ModelAdmin[SavedView]
else:
    _Paginator = Paginator
    _ModelAdmin = _TokenAdmin = _SavedViewAdmin = admin.ModelAdmin

admin.site.site_header = "Enhancelog administration"
admin.site.site_title = "Enhancelog"
admin.site.index_title = "Administration"
admin.site.index_template = "admin/index_with_status.html"

for people, audited in ((User, AuditedUserAdmin), (Group, AuditedGroupAdmin)):
    admin.site.unregister(people)
    admin.site.register(people, audited)

# The provider is a setting. Its secret must not be one in the database that the admin shows.
for unused in (EmailAddress, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(unused)

COUNTED = 10_000  # entries that the list can page through

CHOICES = 500  # values in a filter

SHOWN_LINES = 100  # verdicts and reasons of one entry
SHOWN_CHARACTERS = 40_000  # characters of a patch


class ShortCount(_Paginator):
    # Counting a million rows takes a second, and nobody pages that far.
    @cached_property
    def count(self) -> int:
        rows: QuerySet[Entry] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:COUNTED].count()


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("applied", "applied"), ("rejected", "rejected")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        return queryset if self.value() is None else queryset.filter(status__in=_ids(self.value()))


class _SummaryFilter(admin.SimpleListFilter):
    # The summaries are few.
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        name = self.parameter_name or ""
        values = BlueprintSummary.objects.order_by(name).values_list(name, flat=True).distinct()[:CHOICES]
        return [(value, value or "(no name)") for value in values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        if self.value() is None:
            return queryset
        return queryset.filter(**{f"{self.parameter_name}__in": _ids(self.value())})


class BlueprintFilter(_SummaryFilter):
    title = "Blueprint"
    parameter_name = "blueprint_id"


class SourceFilter(_SummaryFilter):
    title = "source"
    parameter_name = "source"


@admin.register(Entry)
class EntryAdmin(_ModelAdmin):
    list_display = (
        *(named("issue_id"), named("blueprint_id", "Blueprint"), "status", "time"),
        *(named("source"), "actor_kind", named("actor_name", "actor"), "position"),
    )
    list_filter = (StatusFilter, BlueprintFilter, SourceFilter)
    search_fields = ("issue_id", "blueprint_id")
    search_help_text = "The whole issue id, its beginning, or a Blueprint's name."
    ordering = ("-ts_ms", "-position")
    sortable_by = ()
    actions = None
    list_per_page = page_sizes.ADMIN
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = ShortCount
    fieldsets = (
        (None, {"fields": ("issue_id", "blueprint", "status", "time")}),
        ("Run", {"fields": ("intent", "rationale", "verdict_list", "reason_list")}),
        ("Change", {"fields": ("prev_hash", "new_hash", "bump", "candidate_hash", "patch", "meta")}),
        ("Recorded", {"fields": ("position", "recorded", "actor", "source", "digest", "salt", "envelope", "ts_ms")}),
    )
    readonly_fields = ("blueprint", "time", "recorded", "actor", "verdict_list", "reason_list", "patch")

    class Media:
        css = admin_columns.CSS

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return False

    def view_on_site(self, obj: Entry) -> str:
        return links.entry(obj.issue_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        """Index lookups only: an equal Blueprint, or issue ids with this prefix."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if not records.is_id(term):
            return queryset.none(), False
        begins = Q(issue_id__gte=term, issue_id__lt=f"{term}\U0010ffff")
        return queryset.filter(begins | Q(blueprint_id=term)), False

    @admin.display(description="Blueprint")
    def blueprint(self, entry: Entry) -> str:
        return entry.blueprint_id or "(no name)"

    @admin.display(description="time (UTC)")
    def time(self, entry: Entry) -> str:
        moment = as_datetime(entry.ts_ms, entry.recorded_ms)
        return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else f"{entry.ts_ms} (implausible)"

    @admin.display(description="recorded (UTC)")
    def recorded(self, entry: Entry) -> str:
        moment = as_datetime(entry.recorded_ms, entry.recorded_ms)
        return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else str(entry.recorded_ms)

    @admin.display(description="actor")
    def actor(self, entry: Entry) -> str:
        return f"{entry.actor_kind} {entry.actor_name}".strip()

    @admin.display(description="verdicts")
    def verdict_list(self, entry: Entry) -> SafeString:
        verdicts = json.loads(entry.verdicts)
        return _lines([(f"{each['axis']}: {each['status']}", each["detail"]) for each in verdicts], entry)

    @admin.display(description="reasons")
    def reason_list(self, entry: Entry) -> SafeString:
        return _lines([(reason, "") for reason in json.loads(entry.reasons)], entry)

    @admin.display(description="ops")
    def patch(self, entry: Entry) -> SafeString | str:
        if entry.ops is None:
            return "not recorded"
        text = json.dumps(json.loads(entry.ops), indent=2, ensure_ascii=False)
        if len(text) <= SHOWN_CHARACTERS:
            return format_html("<pre>{}</pre>", text)
        more = format_html('<a href="{}">the whole entry</a>', links.api_entry(entry.issue_id))
        return format_html("<pre>{}…</pre>{}", text[:SHOWN_CHARACTERS], more)


@admin.register(Token)
class TokenAdmin(_TokenAdmin):
    """Adding one redirects to the page that shows the secret once."""

    list_display = (named("name"), named("user"), "scopes", "created", "last_used", "expiry", "revoked")
    list_filter = (("revoked", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    ordering = ("name", "-pk")
    fields = readonly_fields = (
        *("name", "user", "made_by", "scopes", "write_blueprints", "write_kinds"),
        *("created", "expiry", "last_used", "revoked"),
    )
    actions = ("revoke",)

    class Media:
        css = admin_columns.CSS

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return redirect("tokens")

    @admin.action(description="Revoke selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Token]) -> None:
        for token in queryset:
            api_tokens.revoke(token, user_of(request).get_username())
            self.log_change(request, token, "Revoked.")
        self.message_user(request, "Revoked. Requests with these tokens are refused from now on.")

    def delete_model(self, request: HttpRequest, obj: Token) -> None:
        api_tokens.delete(obj, user_of(request).get_username())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Token]) -> None:
        with transaction.atomic():
            for token in queryset:
                self.delete_model(request, token)


@admin.register(SavedView)
class SavedViewAdmin(_SavedViewAdmin):
    """Others' views can be deleted, but not changed."""

    list_display = (named("name"), named("user"), "shared", named("url"), "key_made")
    list_filter = ("shared",)
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    fields = ("name", "user", "shared", "url", "created", "key_made")

    class Media:
        css = admin_columns.CSS

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SavedView | None = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: SavedView) -> None:
        saved_views.delete(obj, user_of(request).get_username())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SavedView]) -> None:
        with transaction.atomic():
            for view in queryset:
                self.delete_model(request, view)


def _lines(items: Sequence[tuple[str, str]], entry: Entry) -> SafeString:
    shown = format_html_join(mark_safe("<br>"), "<b>{}</b> {}", items[:SHOWN_LINES]) or SafeString("-")
    if len(items) <= SHOWN_LINES:
        return shown
    more = f"and {len(items) - SHOWN_LINES:,} more"
    return format_html('{}<br><a href="{}">{}</a>', shown, links.api_entry(entry.issue_id), more)


def _ids(value: str | None) -> list[str]:
    return records.only_ids([value or ""], may_be_empty=True)
