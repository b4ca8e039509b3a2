"""Where a host listens, and what it asks for before it lets other machines in."""

from pathlib import Path

import pytest

from codemode.host.listen import (
    Access,
    Address,
    ListenError,
    check_access,
    check_certificates,
    check_grpc,
    parse_address,
    read_access,
)
from codemode.tokens import parse_tokens
from tests.certificates import identity, needs_openssl


@pytest.mark.parametrize(
    ("url", "address", "is_local"),
    [
        ("stdio", Address("stdio"), True),
        ("stdio://", Address("stdio"), True),
        ("grpc+stdio://", Address("grpc+stdio"), True),
        ("grpc://127.0.0.1:0", Address("tcp", host="127.0.0.1"), True),
        ("grpc://[::1]:50051", Address("tcp", host="::1", port=50051), True),
        ("grpc://0.0.0.0:1", Address("tcp", host="0.0.0.0", port=1), False),
        ("grpc://10.0.0.1:65535", Address("tcp", host="10.0.0.1", port=65535), False),
        ("unix:/a/b", Address("unix", path="/a/b"), True),
        ("unix:///a/b", Address("unix", path="/a/b"), True),
        ("unix:b", Address("unix", path="b"), True),
    ],
)
def test_an_address_is_understood(url: str, address: Address, is_local: bool) -> None:
    assert parse_address(url) == address
    assert address.is_local == is_local


EXPECTED = "; expected `stdio://`, `grpc+stdio://`, `grpc://IP:PORT` or `unix:PATH`"
GRPC = "; expected `grpc://IP:PORT`"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", EXPECTED),
        ("tcp://1:2", EXPECTED),
        ("http://127.0.0.1:1", EXPECTED),
        ("grpc://localhost:1", f": `localhost` is no IP address{GRPC}"),
        ("grpc://", f": it names no IP address{GRPC}"),
        ("grpc://127.0.0.1", f": it names no port, 0 is any that is free{GRPC}"),
        ("grpc://[::1]", f": it names no port, 0 is any that is free{GRPC}"),
        ("grpc://127.0.0.1:65536", f": ports go up to 65535{GRPC}"),
        ("grpc://127.0.0.1:" + "9" * 5_000, f": ports go up to 65535{GRPC}"),
        ("grpc://127.0.0.1:-1", f": `-1` is no port, 0 is any that is free{GRPC}"),
        ("grpc://127.0.0.1:x", f": `x` is no port, 0 is any that is free{GRPC}"),
        ("grpc://::1:5", ": an IPv6 address stands in brackets; expected `grpc://[IP]:PORT`"),
        ("unix:", ": it names no socket; expected `unix:PATH`"),
    ],
)
def test_another_address_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(ListenError) as caught:
        parse_address(url)

    assert str(caught.value) == f"unsupported --listen URL `{url}`{why}"


OPEN = Address("tcp", host="192.0.2.1", port=1)
LONG = "s3cret-s3cret-16"
TLS = "--tls-cert and --tls-key"
TOKEN = "--token-file (or CODEMODE_HOST_TOKEN)"


@pytest.mark.parametrize(
    ("access", "missing"),
    [
        (Access(), f"{TLS} and {TOKEN}"),
        (Access(tokens=parse_tokens(LONG)), TLS),
        (Access(certificate=b"c", key=b"k"), TOKEN),
    ],
)
def test_other_machines_need_tls_and_a_token(access: Access, missing: str) -> None:
    with pytest.raises(ListenError) as caught:
        check_access(OPEN, access, insecure=False)

    assert str(caught.value) == (
        f"192.0.2.1 can be reached from other machines: give {missing},"
        " or --insecure to let anybody in who reaches it"
    )
    check_access(OPEN, access, insecure=True)


def test_with_both_other_machines_are_let_in_and_this_one_without() -> None:
    check_access(OPEN, Access(parse_tokens(LONG), b"c", b"k"), insecure=False)
    check_access(Address("tcp", host="127.0.0.1"), Access(), insecure=False)
    check_access(Address("unix", path="x"), Access(), insecure=False)


@pytest.mark.parametrize("insecure", [False, True])
def test_a_token_that_could_be_guessed_is_for_this_machine_alone(*, insecure: bool) -> None:
    short = Access(parse_tokens(LONG[:-1]), b"c", b"k")
    with pytest.raises(ListenError) as caught:
        check_access(OPEN, short, insecure=insecure)

    assert str(caught.value) == (
        "192.0.2.1 can be reached from other machines: the token must have at least 16 characters\n"
        'hint: python -c "import secrets; print(secrets.token_urlsafe())" makes a token.'
    )
    check_access(Address("tcp", host="127.0.0.1"), short, insecure=insecure)


@needs_openssl
def test_files_that_tls_can_use_are_taken(tmp_path: Path) -> None:
    own, client = identity(tmp_path, "own"), identity(tmp_path, "client")
    files = {"tls-cert": str(own.certificate), "tls-key": str(own.key)}

    check_certificates({})
    check_certificates(files)
    check_certificates({**files, "tls-client-ca": str(client.certificate)})


@needs_openssl
def test_files_that_tls_cannot_use_are_named(tmp_path: Path) -> None:
    own, other = identity(tmp_path, "own"), identity(tmp_path, "other")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")

    def refusal(certificate: Path, key: Path, authority: Path = own.certificate) -> str:
        files = {"tls-cert": certificate, "tls-key": key, "tls-client-ca": authority}
        with pytest.raises(ListenError) as caught:
            check_certificates({name: str(path) for name, path in files.items()})
        return str(caught.value)

    pair = "are no certificate and its key in PEM, without a password"
    assert refusal(own.certificate, other.key) == (
        f"--tls-cert and --tls-key: {own.certificate} and {other.key} {pair}: key values mismatch"
    )
    assert refusal(junk, own.key) == f"--tls-cert and --tls-key: {junk} and {own.key} {pair}"
    assert refusal(own.certificate, own.key, junk).startswith(
        f"--tls-client-ca: {junk} holds no certificate in PEM"
    )


def test_plain_pipes_take_no_options_of_grpc() -> None:
    with pytest.raises(ListenError, match=r"^the other options are for gRPC"):
        check_grpc(Address("stdio"))


def test_access_is_read_from_files_and_never_shown(tmp_path: Path) -> None:
    for name in ("token", "cert", "key", "ca"):
        (tmp_path / name).write_text(f" {name}-text\n")
    files = {
        "token-file": str(tmp_path / "token"),
        "tls-cert": str(tmp_path / "cert"),
        "tls-key": str(tmp_path / "key"),
        "tls-client-ca": str(tmp_path / "ca"),
    }

    access = read_access(files, {"CODEMODE_HOST_TOKEN": "another"})

    assert access.tokens is not None
    assert access.tokens.current() == parse_tokens("token-text")
    assert (access.certificate, access.key, access.client_authority) == (
        b" cert-text\n", b" key-text\n", b" ca-text\n",
    )  # fmt: skip
    assert repr(access) == "<access: tls=True, token=True>"
    assert read_access({}, {"CODEMODE_HOST_TOKEN": "another"}) == Access(parse_tokens("another"))
    assert read_access({}, {}) == Access()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("tls-cert",), "--tls-cert and --tls-key belong together"),
        (("tls-key",), "--tls-cert and --tls-key belong together"),
        (("tls-client-ca",), "--tls-client-ca needs --tls-cert and --tls-key"),
    ],
)
def test_files_that_make_no_sense_alone_are_refused(
    options: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_text("x")

    with pytest.raises(ListenError) as caught:
        read_access({option: str(path) for option in options}, {})

    assert str(caught.value) == problem


@pytest.mark.parametrize("token", ["", "  \n", "ü", "a\tb", "x" * 4_097])
def test_a_token_that_is_none_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ListenError) as caught:
        read_access({}, {"CODEMODE_HOST_TOKEN": token})

    assert str(caught.value) == (
        "CODEMODE_HOST_TOKEN must hold a token: printable ASCII, 4096 bytes at most"
    )


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ListenError) as caught:
        read_access({"token-file": "/nowhere/token"}, {})

    assert str(caught.value) == (
        "--token-file: cannot read /nowhere/token: No such file or directory"
    )
