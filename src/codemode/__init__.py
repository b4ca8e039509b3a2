"""codemode: let a language model write code instead of calling tools one by one.

A program runs in a V8 *cell*; ``tools.*`` calls your Python functions; output goes back through
``text()``, ``image()`` and their like; a long cell yields and is waited for.

    async with CodeMode(tools=[weather]) as cm:
        result = await cm.exec("const w = await tools.weather({city: 'Oslo'}); text(w)")
        print(result.text)

Names are resolved when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what type checkers take for true, without loading typing
if TYPE_CHECKING:
    __version__: str

    from .application.cell_record import CellInfo
    from .application.events import (
        ApprovalRequested,
        CallDecided,
        CallEnded,
        CallStarted,
        CellEnded,
        CellEvent,
        CellNews,
        CellNotification,
        CellOutput,
        CellStarted,
        CellYielded,
    )
    from .application.saved_values import SavedValues
    from .code_mode import CodeMode
    from .errors import (
        CellBusyError,
        CellTerminatingError,
        CodeModeError,
        EngineError,
        EngineMissingError,
        LimitError,
        SessionClosedError,
        SessionError,
        SourceError,
        ToolDefinitionError,
        ToolError,
        UsageError,
        WorkerLostError,
    )
    from .fleet.places import DnsPlaces, HostPlace, Places, StaticPlaces
    from .fleet.provider import FleetSessionProvider
    from .limits import Limits
    from .process_ledger import Figure, limit_process, process_figures
    from .process_limits import ProcessLimits
    from .protocol.session import (
        Session,
        SessionDelegate,
        SessionProvider,
        Signal,
        StartedCell,
    )
    from .protocol.types import (
        AudioItem,
        CellId,
        ExecuteRequest,
        ImageItem,
        Item,
        JsonValue,
        LiveCell,
        MissingCell,
        Pending,
        Result,
        Terminated,
        TextItem,
        ToolCall,
        ToolDefinition,
        ToolName,
        WaitOutcome,
        WaitRequest,
        WaitToPendingRequest,
        Yielded,
    )
    from .remote.grpc import GrpcSessionProvider, GrpcTls
    from .remote.process import ProcessSessionProvider
    from .runtime.local import LocalSessionProvider
    from .surface.declaration import declaration
    from .surface.nested_call import NestedCall
    from .surface.parts import MediaPart, Part, TextPart
    from .surface.result import ExecResult
    from .surface.toolspec import ToolSpec
    from .tools.chain import Middleware, Next
    from .tools.function import FunctionTool, tool
    from .tools.mcp.config import HttpServer, StdioServer
    from .tools.mcp.handlers import McpHandlers, McpProgress, McpStatus
    from .tools.mcp.servers import McpServers
    from .tools.media import Audio, Image
    from .tools.policy.approvals import Approval, OnApproval
    from .tools.policy.decisions import CallDecision, Decision
    from .tools.policy.destinations import only_destinations
    from .tools.policy.guards import budget, once, rate, read_only
    from .tools.policy.policy import Policy
    from .tools.policy.rules import allow, ask, refuse, run_as
    from .tools.schema_tool import Tool
    from .tools.tool import ToolContext, ToolInterface
    from .tools.toolset import OnNotify, Toolset

__all__ = [
    "Approval",
    "ApprovalRequested",
    "Audio",
    "AudioItem",
    "CallDecided",
    "CallDecision",
    "CallEnded",
    "CallStarted",
    "CellBusyError",
    "CellEnded",
    "CellEvent",
    "CellId",
    "CellInfo",
    "CellNews",
    "CellNotification",
    "CellOutput",
    "CellStarted",
    "CellTerminatingError",
    "CellYielded",
    "CodeMode",
    "CodeModeError",
    "Decision",
    "DnsPlaces",
    "EngineError",
    "EngineMissingError",
    "ExecResult",
    "ExecuteRequest",
    "Figure",
    "FleetSessionProvider",
    "FunctionTool",
    "GrpcSessionProvider",
    "GrpcTls",
    "HostPlace",
    "HttpServer",
    "Image",
    "ImageItem",
    "Item",
    "JsonValue",
    "LimitError",
    "Limits",
    "LiveCell",
    "LocalSessionProvider",
    "McpHandlers",
    "McpProgress",
    "McpServers",
    "McpStatus",
    "MediaPart",
    "Middleware",
    "MissingCell",
    "NestedCall",
    "Next",
    "OnApproval",
    "OnNotify",
    "Part",
    "Pending",
    "Places",
    "Policy",
    "ProcessLimits",
    "ProcessSessionProvider",
    "Result",
    "SavedValues",
    "Session",
    "SessionClosedError",
    "SessionDelegate",
    "SessionError",
    "SessionProvider",
    "Signal",
    "SourceError",
    "StartedCell",
    "StaticPlaces",
    "StdioServer",
    "Terminated",
    "TextItem",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolContext",
    "ToolDefinition",
    "ToolDefinitionError",
    "ToolError",
    "ToolInterface",
    "ToolName",
    "ToolSpec",
    "Toolset",
    "UsageError",
    "WaitOutcome",
    "WaitRequest",
    "WaitToPendingRequest",
    "WorkerLostError",
    "Yielded",
    "__version__",
    "allow",
    "ask",
    "budget",
    "declaration",
    "limit_process",
    "once",
    "only_destinations",
    "process_figures",
    "rate",
    "read_only",
    "refuse",
    "run_as",
    "tool",
]

_ERRORS = (
    "CellBusyError CellTerminatingError CodeModeError EngineError EngineMissingError LimitError"
    " SessionClosedError SessionError SourceError ToolDefinitionError ToolError UsageError"
    " WorkerLostError"
)
_EVENTS = (
    "ApprovalRequested CallEnded CallDecided CallStarted CellEnded CellEvent CellNews CellNotification"
    " CellOutput CellStarted CellYielded"
)
_SEAMS = "Session SessionDelegate SessionProvider Signal StartedCell"
_TYPES = (
    "AudioItem CellId ExecuteRequest ImageItem Item JsonValue LiveCell MissingCell Pending Result"
    " Terminated TextItem ToolCall ToolDefinition ToolName WaitOutcome WaitRequest"
    " WaitToPendingRequest Yielded"
)
_HOMES = {
    "application.cell_record": "CellInfo",
    "application.events": _EVENTS,
    "application.saved_values": "SavedValues",
    "code_mode": "CodeMode",
    "errors": _ERRORS,
    "fleet.places": "DnsPlaces HostPlace Places StaticPlaces",
    "fleet.provider": "FleetSessionProvider",
    "limits": "Limits",
    "process_ledger": "Figure limit_process process_figures",
    "process_limits": "ProcessLimits",
    "protocol.session": _SEAMS,
    "protocol.types": _TYPES,
    "remote.grpc": "GrpcSessionProvider GrpcTls",
    "remote.process": "ProcessSessionProvider",
    "runtime.local": "LocalSessionProvider",
    "surface.declaration": "declaration",
    "surface.nested_call": "NestedCall",
    "surface.parts": "MediaPart Part TextPart",
    "surface.result": "ExecResult",
    "surface.toolspec": "ToolSpec",
    "tools.chain": "Middleware Next",
    "tools.function": "FunctionTool tool",
    "tools.mcp.config": "HttpServer StdioServer",
    "tools.mcp.handlers": "McpHandlers McpProgress McpStatus",
    "tools.mcp.servers": "McpServers",
    "tools.policy.approvals": "Approval OnApproval",
    "tools.policy.decisions": "CallDecision Decision",
    "tools.policy.destinations": "only_destinations",
    "tools.policy.guards": "budget once rate read_only",
    "tools.policy.policy": "Policy",
    "tools.policy.rules": "allow ask refuse run_as",
    "tools.media": "Audio Image",
    "tools.schema_tool": "Tool",
    "tools.tool": "ToolContext ToolInterface",
    "tools.toolset": "OnNotify Toolset",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


if not TYPE_CHECKING:  # a type checker would take any name to be there

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return import_module("importlib.metadata").version("codemode")
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{home}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
