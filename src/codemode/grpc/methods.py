"""The methods of a service as its descriptor tells them: enough for a server's handlers and a client's stubs.

Made code for that exists (``--grpc_python_out``), but it accepts no grpcio older than the one that made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from google.protobuf.descriptor import ServiceDescriptor
    from google.protobuf.message import Message


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC.

    Attributes:
        name: its name in the service.
        path: what a request names: ``/package.Service/Name``.
        request, response: its message classes.
        streams: it has any number of responses; a request is always one.
    """

    name: str
    path: str
    request: type[Message]
    response: type[Message]
    streams: bool


def methods(service: ServiceDescriptor) -> dict[str, Method]:
    """The methods of ``service`` by name."""
    return {
        method.name: Method(
            method.name,
            f"/{service.full_name}/{method.name}",
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
            method.server_streaming,
        )
        for method in service.methods
    }
