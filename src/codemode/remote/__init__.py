"""Sessions in a host process, ours or OpenAI's, behind the same seams as sessions on this machine."""
