"""The name of the system's zone, in whichever way the system keeps it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from codemode.engine.timezone import system_time_zone


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    folder = tmp_path / "usr" / "zoneinfo"
    for name in ("Europe/Oslo", "Asia/Tokyo", "posix/Asia/Tokyo", "localtime"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.removeprefix("posix/").encode())
    (folder / "localtime").write_bytes(b"Asia/Tokyo")
    return folder


def _link(localtime: Path, zones: Path) -> None:
    localtime.symlink_to(zones / "Europe" / "Oslo")


def _link_to_a_link(localtime: Path, zones: Path) -> None:
    (localtime.parent / "between").symlink_to(zones / "Europe" / "Oslo")
    localtime.symlink_to(localtime.parent / "between")


def _copy(localtime: Path, zones: Path) -> None:
    localtime.write_bytes((zones / "Asia" / "Tokyo").read_bytes())


def _own(localtime: Path, zones: Path) -> None:
    localtime.write_bytes(b"my own")


def _nothing(localtime: Path, zones: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("keep", "name"),
    [
        (_link, "Europe/Oslo"),
        (_link_to_a_link, "Europe/Oslo"),
        (_copy, "Asia/Tokyo"),
        (_own, None),
        (_nothing, None),
    ],
)
def test_the_zone_of_a_system(
    tmp_path: Path, zones: Path, keep: Callable[[Path, Path], None], name: str | None
) -> None:
    localtime = tmp_path / "localtime"
    keep(localtime, zones)

    assert system_time_zone(str(localtime), str(zones)) == name


def test_without_any_zones_there_is_no_name(tmp_path: Path) -> None:
    (tmp_path / "localtime").write_bytes(b"Asia/Tokyo")

    assert system_time_zone(str(tmp_path / "localtime"), str(tmp_path / "none")) is None
