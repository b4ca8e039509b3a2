"""The keys of an entry of an ``mcp.json``: what each is called elsewhere, and which restrict.

Programs that share such files agree on a few keys and go their own ways with the rest. A key that
this project does not know may be a remark, and may be a restriction: its name and value decide. What may
restrict is never passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ...lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

SPELLINGS: Final = {
    "args": ("args", "arguments"),
    "command": ("command", "cmd"),
    "cwd": ("cwd", "workingdirectory", "workdir"),
    "env": ("env", "environment", "envs"),
    "envFile": ("envfile",),
    "url": ("url", "serverurl", "httpurl", "uri", "endpoint"),
    "headers": ("headers", "httpheaders"),
    "type": ("type", "transport", "transporttype"),
    "timeout": ("timeout", "timeoutms"),
    "startupTimeout": ("startuptimeout", "startuptimeoutms", "starttimeout"),
    "tool_timeout_sec": ("tooltimeoutsec",),
    "startup_timeout_sec": ("startuptimeoutsec",),
    "disabled": ("disabled",),
    "enabled": ("enabled", "isactive", "active"),
    "enabledTools": ("enabledtools", "includetools", "allowedtools", "availabletools", "tools"),
    "disabledTools": ("disabledtools", "excludetools", "deniedtools", "blockedtools"),
    "perSession": ("persession",),
    "insecure": ("insecure",),
}
"""The keys that mean something, each with its spellings without ``_``, ``-`` and capitals."""

_MEANT: Final = {spelling: key for key, all_ in SPELLINGS.items() for spelling in all_}
_REMARKS: Final = frozenset(
    "alwaysallow alwaysload author autoapprove autoapproved comment description dev displayname"
    " gallery homepage icon iconpath icons id license link links logo logourl metadata name note"
    " notes provider providerurl publisher registry repository schema serverinstructions source"
    " tags title version watchpaths website".split()
)
"""Keys that nothing here depends on: remarks, and whom another program would not ask."""
_APPROVAL: Final = frozenset({"alwaysallow", "autoapprove", "autoapproved", "trust", "trusted"})
"""Keys whose ``false`` asks for approval of every call."""
_IN_SECONDS: Final = frozenset({"alwaysallow", "autoapprove", "watchpaths"})
_SIGN_IN: Final = frozenset("auth authorization authprovidertype oauth oauth2".split())

_WORD: Final = lazy_pattern(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LIMITS: Final = lazy_pattern(
    r"(?:allow|approv|ask$|asks$|black|block|confirm|consent|den[iy]|disab|enabl|exclu|filter|forbid"
    r"|guard|hid[ed]|inclu|isolat|limit|max|only|permi|polic|privilege|protect|quota|readonly|refus"
    r"|reject|requir|restrict|roots?$|sandbox|scope|toolset|trust|white)"
)
_HARMLESS: Final = lazy_pattern(
    r"retr(?:y|ies)|reconnect|attempt|restart|timeout|delay|log|cache|interval|telemetry|colou?r|debug|verbose"
)
_OFF: Final = frozenset("ignore ignored inactive off paused skip skipped suspended".split())
"""Keys whose ``true`` says that a server is not to be used."""
_ON: Final = frozenset("internet network on use used write writes".split())
"""Keys whose ``false`` does, or takes something from it."""
_RESTRAINTS: Final = frozenset(
    "blocked denied deny disabled inactive off paused readonly restricted sandboxed suspended".split()
)
"""Values that restrict, whatever their key is called."""
"""Words beside which a bound restricts nothing but patience."""
_PERMITS: Final = lazy_pattern(r"(?:allow|permi|enabl|inclu|trust|white)")
_WAIVES: Final = lazy_pattern(r"(?:auto|always|bypass|skip|no$|without$|dangerous)")
_EVERYTHING: Final = frozenset("* all always any auto true".split())
_NOTHING: Final = frozenset("allow auto disabled false never no none off".split())
_PLACES: Final = frozenset("global local project user workspace".split())
"""The origins of an entry that ``scope`` names."""


def meaning(key: str) -> str | None:
    """The key that ``key`` is a spelling of, or None."""
    return _MEANT.get(_folded(key))


def is_remark(key: str) -> bool:
    """Whether ``key`` has no effect here."""
    return key.startswith(("_", "$", "//", "x-")) or _folded(key) in _REMARKS | _APPROVAL


def is_sign_in(key: str) -> bool:
    """Whether ``key`` configures how a person signs in, which is not done here."""
    return _folded(key) in _SIGN_IN


def counts_seconds(keys: Iterable[str]) -> bool:
    """Whether an entry with these keys is of a program whose times are seconds: Cline, Roo."""
    return not _IN_SECONDS.isdisjoint(map(_folded, keys))


def restricts(key: str, value: Any) -> bool:
    """Whether ``key``, which has no meaning here, may restrict what a server may be used for.

    >>> restricts("readOnly", True), restricts("readOnly", False), restricts("colour", "red")
    (True, False, False)
    >>> restricts("mode", "read-only"), restricts("network", False), restricts("skip", True)
    (True, True, True)
    """
    if _folded(key) in _APPROVAL:
        return value is False
    words = [word.lower() for word in _WORD.findall(key)]
    if is_remark(key) or any(map(_HARMLESS.match, words)):
        return False
    if isinstance(value, str) and _folded(value) in _RESTRAINTS:
        return True
    if isinstance(value, bool) and _folded(key) in (_OFF if value else _ON):
        return True
    if not any(map(_LIMITS.match, words)):
        return False
    waives = any(map(_WAIVES.match, words))
    permits = waives or all(_PERMITS.match(word) for word in words if _LIMITS.match(word))
    if isinstance(value, bool):
        return value is not permits
    if isinstance(value, list):
        is_list_of_all = (permits and not waives) or "only" in words
        return bool(is_list_of_all or value) and value not in (["*"], ["all"])
    if isinstance(value, str):
        neutral = _PLACES if "scope" in words else _EVERYTHING if permits else _NOTHING
        return value.lower() not in neutral and value != ""
    return value not in (None, {})


def _folded(key: str) -> str:
    return re.sub(r"[_\-. ]", "", key).lower()
