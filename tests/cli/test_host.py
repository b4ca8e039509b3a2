"""``codemode run --host URL``: the program runs in a host that listens."""

import re
from pathlib import Path

from tests.certificates import identity, needs_openssl
from tests.remote.rpc.hosts import listening

from .conftest import Codemode


async def test_a_program_runs_in_a_host_that_listens(run_process: Codemode, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    async with listening("ours", "--token-file", str(token)) as host:
        done = run_process("text(6 * 7)", "--host", host.url, "--host-token-file", str(token))
        refused = run_process("text(6 * 7)", "--host", host.url)

    assert (done.returncode, done.stdout) == (0, "42\n")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "a bearer token is required" in refused.stderr
    assert "Traceback" not in refused.stderr


@needs_openssl
async def test_a_host_that_is_not_trusted_is_one_line_without_the_log_of_grpc(
    run_process: Codemode, tmp_path: Path
) -> None:
    own, other = identity(tmp_path, "own"), identity(tmp_path, "other")
    options = ("--tls-cert", str(own.certificate), "--tls-key", str(own.key))
    async with listening("ours", *options) as host:
        done = run_process("text(1)", "--host", host.url, "--host-ca", str(other.certificate))

    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(
        r"error: no session at code-mode host [^\n]*CERTIFICATE_VERIFY_FAILED[^\n]*\n", done.stderr
    )


def test_an_endpoint_that_cannot_be_used_is_a_usage_error(
    run_process: Codemode, tmp_path: Path
) -> None:
    done = run_process("text(1)", "--host", "http://user:hunter2@host")
    assert (done.returncode, "must not include credentials" in done.stderr) == (2, True)
    assert "hunter2" not in done.stderr

    done = run_process("text(1)", "--host", "ftp://host")
    assert (done.returncode, done.stderr) == (
        2,
        "error: there are no ftp:// endpoints; expected `grpc://HOST:PORT`, `http://HOST:PORT`,"
        " `https://HOST:PORT` or `unix:PATH`\nhint: codemode run --help lists what there is.\n",
    )

    token = tmp_path / "token"
    token.write_text("x")
    done = run_process("text(1)", "--host-token-file", str(token))
    assert done.returncode == 2
    assert "are for a --host that is a URL" in done.stderr
