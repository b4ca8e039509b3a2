"""What a host answers to a request that it refuses."""


class RefusedError(Exception):
    """The request is refused with this text; the session lives. Never leaves the host."""


class TooManyCellsError(RefusedError):
    """The host has as many cells as it may."""

    def __init__(self) -> None:
        super().__init__("code-mode host has too many active cells")
