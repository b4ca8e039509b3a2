"""What the worker misses in a release of mini-racer: ``python -m tests.engine.check_v8 VERSION``, ``make engine-check``.

The release is fetched with pip and unpacked for the moment. First the symbols that the worker needs are looked up in its
library, by name; if all are there, V8 is started and the layouts that V8's headers inline are compared. The signatures
of functions are in their names, so what is in neither place is how V8 means the same thing.
"""

from __future__ import annotations

import ctypes
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from codemode.engine.installed import BUILT, find

_DYNAMIC_SYMBOLS: Final = 11
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")


def needed(library: Path) -> Iterator[str]:
    """The symbols of V8 that an ELF library leaves to others."""
    data = library.read_bytes()
    (sections,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    heads = [_SECTION.unpack_from(data, sections + at * size) for at in range(count)]
    for head in heads:
        if head[1] != _DYNAMIC_SYMBOLS:
            continue
        names = heads[head[6]][4]
        for at in range(head[4], head[4] + head[5], _SYMBOL.size):
            name, _, _, section, *_ = _SYMBOL.unpack_from(data, at)
            end = data.index(b"\0", names + name)
            text = data[names + name : end].decode()
            if section == 0 and "2v8" in text:
                yield text


def main(version: str) -> int:
    """Print the differences; 1 if there are some."""
    with tempfile.TemporaryDirectory(prefix="codemode-v8-") as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--only-binary", ":all:",
             "-d", folder, f"mini-racer=={version}"],
            check=True,
        )  # fmt: skip
        (wheel,) = Path(folder).glob("*.whl")
        zipfile.ZipFile(wheel).extractall(folder)
        (path,) = Path(folder).rglob("libmini_racer.so")
        v8 = path.parent
        library = ctypes.CDLL(str(path))
        names = sorted(needed(Path(BUILT, "worker.so")))
        missing = [name for name in names if not hasattr(library, name)]
        for name in missing:
            print(f"symbol: {name} is missing")
        print(f"symbols: {len(names) - len(missing)} of {len(names)} are there")
        if missing:
            return 1
        installed = find()
        done = subprocess.run(
            [installed.launcher, str(path), installed.worker, "check",
             str(v8 / "icudtl.dat")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        print(done.stdout + done.stderr, end="")
        if done.returncode:
            print(f"the check ended with {done.returncode}")
        return int(done.returncode != 0 or "differs" in done.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
