"""The admin of users and groups, whose changes are audited as those of the user who is signed in."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from enhancelog.accounts import sessions
from enhancelog.accounts.audited_users import acting
from enhancelog.accounts.permissions import origin_of, user_of
from enhancelog.web.admin_password_forms import NewUserForm, SetPasswordForm, mark_if_chosen

if TYPE_CHECKING:  # the stubs' generics, which Django's own classes are not at run time
    _AnyAdmin = admin.ModelAdmin[Any]
    _UserAdmin = UserAdmin[User]
else:
    _AnyAdmin, _UserAdmin = admin.ModelAdmin, UserAdmin


class _Audited(_AnyAdmin):
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with acting(user_of(request).get_username()):
            return super().changeform_view(request, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with acting(user_of(request).get_username()):
            return super().changelist_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with acting(user_of(request).get_username()):
            return super().delete_view(request, *args, **kwargs)


class AuditedUserAdmin(_Audited, _UserAdmin):
    add_form = NewUserForm
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "usable_password", "password1", "password2", "must_change"),
            },
        ),
    )
    change_password_form = SetPasswordForm
    change_user_password_template = "admin/enhancelog/set_password.html"
    actions = ("end_sessions",)

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with acting(user_of(request).get_username()), transaction.atomic():
            return super().user_change_password(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            mark_if_chosen(form, obj)

    @admin.action(description="End all sessions of selected users", permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        number = 0
        for user in queryset:
            if ended := sessions.end_others(user, None, origin_of(request)):
                number += ended
                self.log_change(request, user, "Ended all sessions.")
        self.message_user(request, f"{number:,} sessions ended. Tokens stay valid until they are revoked.")


class AuditedGroupAdmin(_Audited, GroupAdmin): ...
