"""The gRPC services of a host: their interface, and the messages made from it.

The ``.proto`` files are written by hand; everything named ``*_pb2*`` is made from them, in ``src``, by

    python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. codemode/grpc/*.proto

Importing this package loads nothing: gRPC is an extra (``pip install 'codemode[grpc]'``), and its import is start-up
time of everybody else.
"""
