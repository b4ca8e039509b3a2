"""Every exception that reaches an application: one tree, each class with a stable code.

    CodeModeError                 codemode            anything from this library
    ├── UsageError                usage               the caller asked for something illegal; nothing happened
    │   ├── SourceError           source              the text given to exec is not a program
    │   └── ToolDefinitionError   tool_definition     a callable or definition cannot become a tool
    ├── SessionError              session             the session refused; its cells are unchanged
    │   ├── SessionClosedError    session_closed      it is shutting down, or shut
    │   ├── CellBusyError         cell_busy           another caller observes this cell
    │   ├── CellTerminatingError  cell_terminating    this cell is being terminated already
    │   └── LimitError            limit               a limit refused the request; names it
    ├── ToolError                 tool                a tool's failure, as the text that the script catches
    └── EngineError               engine              V8 or its worker cannot run, with the reason
        ├── EngineMissingError    engine_missing      the V8 library is absent or too old
        └── WorkerLostError       worker_lost         the worker died; its cells are over, stored values are not

The failure of a *script* is no exception: it is the ``error_text`` of a ``Result``.
"""

from typing import Any, ClassVar


class CodeModeError(Exception):
    """The root: catch this to catch anything that this library raises on purpose.

    Attributes:
        code: names the class, and stays the same from release to release.
        docs: the part of the documentation that explains it: a page of the site and a fragment.

    Example:
        >>> LimitError.docs
        'errors.html#limit'
    """

    code: ClassVar[str] = "codemode"
    docs: ClassVar[str] = "errors.html#codemode"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.docs = f"errors.html#{cls.code}"


class UsageError(CodeModeError):
    """The caller's fault: the request is illegal and nothing was changed."""

    code = "usage"


class SourceError(UsageError):
    """The text given to ``exec`` is empty, too long, or has a bad pragma line."""

    code = "source"


class ToolDefinitionError(UsageError):
    """A callable or a definition cannot become a tool."""

    code = "tool_definition"


class SessionError(CodeModeError):
    """The session refused a request; its cells go on as before."""

    code = "session"


class SessionClosedError(SessionError):
    """The session is shutting down: no cell can start or be observed any more.

    Args:
        message: the text of the error.
    """

    code = "session_closed"

    def __init__(self, message: str = "code mode session is shutting down") -> None:
        super().__init__(message)


class CellBusyError(SessionError):
    """The cell has an observer already, which goes on undisturbed.

    Attributes:
        cell_id: the cell.
    """

    code = "cell_busy"

    def __init__(self, cell_id: str) -> None:
        super().__init__(f"exec cell {cell_id} already has an active observer")
        self.cell_id = cell_id


class CellTerminatingError(SessionError):
    """This cell is being terminated already; the first terminator gets the answer.

    Attributes:
        cell_id: the cell.
    """

    code = "cell_terminating"

    def __init__(self, cell_id: str) -> None:
        super().__init__(f"exec cell {cell_id} is already terminating")
        self.cell_id = cell_id


class LimitError(SessionError):
    """A limit refused the request.

    Args:
        message: the text of the error, with the limit's name and value and what to do.
        limit: the limit's name in :class:`codemode.Limits` or :class:`codemode.ProcessLimits`.
    """

    code = "limit"

    def __init__(self, message: str, *, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class ToolError(CodeModeError):
    """Raised by a tool or a delegate: its text is what the script's ``catch`` receives."""

    code = "tool"


class EngineError(CodeModeError):
    """The engine cannot run a cell. The text gives the reason."""

    code = "engine"


class EngineMissingError(EngineError):
    """The V8 library is absent, or lacks functions that codemode needs."""

    code = "engine_missing"


class WorkerLostError(EngineError):
    """A worker process or a host died. Its cells are over; stored values and other sessions are not.

    Args:
        message: the text of the error.

    Attributes:
        not_begun: whether it is certain that what was asked for did not begin: it can be asked for
            again, elsewhere, without anything being done twice.
    """

    code = "worker_lost"

    def __init__(self, message: str, *, not_begun: bool = False) -> None:
        super().__init__(message)
        self.not_begun = not_begun
