"""Sessions on many hosts, which an engine that exists places, restarts and finds."""
