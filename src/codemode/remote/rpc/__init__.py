"""Sessions over gRPC: where the host is, one connection for each session, and what goes over it."""
