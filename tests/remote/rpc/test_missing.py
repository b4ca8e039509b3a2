"""Without gRPC the provider says what to install."""

from __future__ import annotations

import sys

import pytest

from codemode import GrpcSessionProvider, UsageError


def test_without_grpc_the_provider_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(UsageError) as refused:
        GrpcSessionProvider("grpc://127.0.0.1:5")

    assert str(refused.value) == (
        "a gRPC host needs the module `grpc`\nHint: pip install 'codemode[grpc]'"
    )
