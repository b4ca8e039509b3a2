from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FollowRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class Commit(_message.Message):
    __slots__ = ("number", "values", "more")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    number: int
    values: _containers.RepeatedCompositeFieldContainer[StoredValue]
    more: bool
    def __init__(self, number: _Optional[int] = ..., values: _Optional[_Iterable[_Union[StoredValue, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class StoredValue(_message.Message):
    __slots__ = ("key", "json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    json: bytes
    def __init__(self, key: _Optional[str] = ..., json: _Optional[bytes] = ...) -> None: ...

class RestoreRequest(_message.Message):
    __slots__ = ("session_id", "values")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    values: _containers.RepeatedCompositeFieldContainer[StoredValue]
    def __init__(self, session_id: _Optional[str] = ..., values: _Optional[_Iterable[_Union[StoredValue, _Mapping]]] = ...) -> None: ...

class RestoreResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
