"""The host's gRPC side: the same sessions as behind V1, under the service of ``codemode.grpc``."""
