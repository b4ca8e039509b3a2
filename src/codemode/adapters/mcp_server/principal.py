"""Whose a request is: the name of the token that came with it.

The SDK has a place for that, and keeps the sessions of one principal from another by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken

if TYPE_CHECKING:
    from starlette.types import Scope

NOBODY: Final = ""
"""The principal where no token is asked for."""


def as_principal(scope: Scope, name: str) -> Scope:
    """The request as that of a principal."""
    return {**scope, "user": AuthenticatedUser(AccessToken(token="", client_id=name, scopes=[]))}


def principal_of(scope: Scope) -> str:
    """Whose the request is."""
    user = scope.get("user")
    return user.username if isinstance(user, AuthenticatedUser) else NOBODY
