"""``codemode run --host URL``: the program runs in a host that listens."""

from pathlib import Path

from tests.remote.rpc.hosts import listening

from .conftest import Codemode


async def test_a_program_runs_in_a_host_that_listens(run: Codemode, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    async with listening("ours", "--token-file", str(token)) as host:
        done = run("text(6 * 7)", "--host", host.url, "--host-token-file", str(token))
        refused = run("text(6 * 7)", "--host", host.url)

    assert (done.returncode, done.stdout) == (0, "42\n")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "a bearer token is required" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_endpoint_that_cannot_be_used_is_a_usage_error(run: Codemode, tmp_path: Path) -> None:
    done = run("text(1)", "--host", "http://user:hunter2@host")
    assert (done.returncode, "must not include credentials" in done.stderr) == (2, True)
    assert "hunter2" not in done.stderr

    token = tmp_path / "token"
    token.write_text("x")
    done = run("text(1)", "--host-token-file", str(token))
    assert done.returncode == 2
    assert "are for a --host that is a URL" in done.stderr
