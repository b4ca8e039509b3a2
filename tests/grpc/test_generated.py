"""What is made from the ``.proto`` files is fresh, and says what it must."""

import subprocess
import sys
from pathlib import Path

import pytest

from codemode.grpc import code_mode_pb2, stored_values_pb2
from codemode.grpc.methods import methods

SOURCE = Path(__file__).parents[2] / "src"
FOLDER = SOURCE / "codemode" / "grpc"


@pytest.mark.parametrize("name", ["code_mode", "stored_values"])
def test_the_generated_messages_are_those_of_the_interface(name: str, tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{SOURCE}"),
            *(f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"),
            str(FOLDER / f"{name}.proto"),
        ],
        check=True,
    )

    for made in (f"{name}_pb2.py", f"{name}_pb2.pyi"):
        fresh = (tmp_path / "codemode" / "grpc" / made).read_text("utf-8")
        assert (FOLDER / made).read_text("utf-8") == fresh


def test_the_methods_of_a_service_stream_where_the_interface_says_so() -> None:
    service = code_mode_pb2.DESCRIPTOR.services_by_name["CodeModeHost"]

    found = methods(service)

    assert [name for name, method in found.items() if method.streams] == [
        "OpenSession",
        "SubscribeToToolCalls",
        "Execute",
    ]
    assert found["Wait"].path == "/codex.code_mode.v1.CodeModeHost/Wait"
    assert found["Wait"].request is code_mode_pb2.WaitRequest


def test_our_own_service_has_a_package_of_its_own() -> None:
    assert stored_values_pb2.DESCRIPTOR.package == "codemode.v1"
