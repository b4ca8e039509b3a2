"""V8: isolates, and the processes and threads that hold them. Nothing here knows of sessions."""
