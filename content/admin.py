"""Content in the Django admin. Changes go through the store; deleting leaves a tombstone."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.html import format_html

from content import links
from content.forms import posted_value
from content.kinds import KINDS, check_story_id, kind_named
from content.models import ContentItem, ContentLink, ContentRevision
from content.store import ContentStore, VersionMismatch, open_store, version
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.web import admin_columns
from enhancelog.web.admin_columns import named

if TYPE_CHECKING:  # generic to the type checker only
    ItemForm = forms.ModelForm[ContentItem]
    ItemAdmin = admin.ModelAdmin[ContentItem]
    AnyAdmin = admin.ModelAdmin[Any]
else:
    ItemForm, ItemAdmin, AnyAdmin = forms.ModelForm, admin.ModelAdmin, admin.ModelAdmin


class ContentItemForm(ItemForm):
    """``seen`` is the version that the form shows; 0 for a new key."""

    kind = forms.ChoiceField(choices=lambda: [(kind.name, f"{kind.label} ({kind.name})") for kind in KINDS.values()])
    value = forms.CharField(widget=forms.Textarea(attrs={"rows": 16}), strip=False, required=False)
    seen = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = ContentItem
        fields = ("story_id", "kind", "value")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = self.instance.version or 0
        if "story_id" in self.fields:
            self.fields["story_id"].widget = forms.TextInput()
        if self.instance.pk:
            self.fields["value"].help_text = kind_named(self.instance.kind).codec.describe()

    def clean_story_id(self) -> str:
        story_id: str = self.cleaned_data["story_id"]
        try:
            check_story_id(story_id)
        except Invalid as error:
            raise forms.ValidationError(f"It {error.detail}.") from None
        return story_id

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        name = self.instance.kind or cleaned.get("kind")
        if name in KINDS and "value" in cleaned:
            kind = KINDS[name]
            cleaned["value"] = posted_value(kind, cleaned["value"], self.initial.get("value") or "")
            try:
                kind.codec.validate(cleaned["value"])
            except Invalid as error:
                self.add_error("value", f"It {error.detail}.")
        self._check_unchanged(self.instance.story_id or cleaned.get("story_id"), name, cleaned.get("seen"))
        return cleaned

    # What was typed stays in the form; saving it again overwrites the other change knowingly.
    def _check_unchanged(self, story_id: str | None, kind: str | None, seen: int | None) -> None:
        if story_id is None or kind is None or seen is None:
            return
        current = open_store(Origin("user", "", "admin")).read(story_id, kind)
        now = current.version if current else 0
        if now == seen:
            return
        self.data = data = cast(QueryDict, self.data).copy()
        data[self.add_prefix("seen")] = str(now)
        did = f"{current.origin.actor_name} changed it to version {now}" if current else "somebody removed it"
        link = format_html('<a href="{}" target="_blank">See its history</a>', links.history(story_id, kind))
        self.add_error(
            None,
            format_html("Nothing was saved: {} in the meantime. {}; saving again overwrites that change.", did, link),
        )


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.name, kind.label) for kind in KINDS.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ContentItem]) -> QuerySet[ContentItem]:
        return queryset.filter(kind=self.value()) if self.value() in KINDS else queryset


@admin.register(ContentItem)
class ContentItemAdmin(ItemAdmin):
    form = ContentItemForm
    list_display = (named("story_id"), "kind", "version", named("actor_name"))
    list_filter = (KindFilter,)
    search_fields = ("story_id",)
    ordering = ("story_id", "kind")
    show_full_result_count = False

    class Media:
        css = admin_columns.CSS

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContentItem]:
        return super().get_queryset(request).filter(value__isnull=False)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == KindFilter.parameter_name

    def get_readonly_fields(self, request: HttpRequest, obj: ContentItem | None = None) -> tuple[str, ...]:
        return ("story_id", "kind", "version") if obj else ()

    def get_fields(self, request: HttpRequest, obj: ContentItem | None = None) -> tuple[str, ...]:
        return ("story_id", "kind", "version", "value", "seen") if obj else ("story_id", "kind", "value", "seen")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except VersionMismatch as conflict:
            messages.error(request, f"Nothing was saved: {conflict}. Check it and try again.")
            return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: ContentItem, form: Any, change: bool) -> None:
        seen = version(form.cleaned_data["seen"])
        _store(request).write(obj.story_id, obj.kind, form.cleaned_data["value"], expected=seen)
        obj.pk = ContentItem.objects.get(story_id=obj.story_id, kind=obj.kind).pk

    def delete_model(self, request: HttpRequest, obj: ContentItem) -> None:
        _store(request).delete(obj.story_id, obj.kind)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ContentItem]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)


@admin.register(ContentRevision, ContentLink)
class ReadOnlyAdmin(AnyAdmin):
    # Links are added and removed on the entry's page.
    search_fields = ("story_id",)
    ordering = ("-id",)
    show_full_result_count = False

    class Media:
        css = admin_columns.CSS

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        if self.model is ContentLink:
            return (named("issue_id"), named("story_id"), named("linked_by"))
        return (named("story_id"), "kind", "version", "actor_kind", named("actor_name"), named("source"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _store(request: HttpRequest) -> ContentStore:
    return open_store(Origin("user", request.user.get_username(), "admin"))
