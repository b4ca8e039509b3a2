"""What was run is added up by room, and a room of pure code has a bound."""

from __future__ import annotations

from tests.coverage import by_room, too_low


def file(lines: int, branches: int, taken: int) -> dict[str, dict[str, int]]:
    summary = {
        "num_statements": lines,
        "covered_lines": lines,
        "num_branches": branches,
        "covered_branches": taken,
    }
    return {"summary": summary}


def test_files_are_added_up_by_room_and_a_pure_module_counts_for_itself() -> None:
    rooms = by_room(
        {
            "src/codemode/surface/a.py": file(10, 6, 6),
            "src/codemode/surface/b.py": file(10, 14, 12),
            "src/codemode/runtime/cell.py": file(10, 80, 0),
            "src/codemode/runtime/cell_state.py": file(10, 20, 20),
            "src/codemode/errors.py": file(10, 0, 0),
        }
    )

    assert {room: (seen.branches, seen.percent) for room, seen in rooms.items()} == {
        "errors": (0, 100.0),
        "runtime": (100, 20.0),
        "runtime/cell_state": (20, 100.0),
        "surface": (20, 90.0),
    }
    assert too_low(rooms) == ["surface"]
