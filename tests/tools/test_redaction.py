"""Credentials are blotted out however they are written; a text that talks of one is kept."""

import pytest

from codemode.tools.redaction import MOST, Redaction, without_secrets

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # URLs and DSNs
        ("GET https://me:hunter2@host/x failed", "GET https://***@host/x failed"),
        ("postgresql+psycopg://u:p@db:5432", "postgresql+psycopg://***@db:5432"),
        ("postgres://u:p@ss/w#rd@db/app", "postgres://***@db/app"),
        ("redis://:hunter2@cache:6379/0", "redis://***@cache:6379/0"),
        ("https://ghp_abcdefgh12345678@github.com/a", "https://***@github.com/a"),
        ("?access_token=abcd1234&x=1", "?access_token=***&x=1"),
        ("Server=db;Uid=me;Pwd=hunter2;", "Server=db;Uid=me;Pwd=***;"),
        ("UID=sa;PWD={Se;cret1};", "UID=sa;PWD=***;"),
        ("me:hunter2@tcp(127.0.0.1:3306)/app", "me:***@tcp(127.0.0.1:3306)/app"),
        ("dial me:hunter2@db.internal:3306", "dial me:***@db.internal:3306"),
        ("SECRET_KEY_BASE: 0a1b2c3d", "SECRET_KEY_BASE: ***"),
        ("AccountKey=Zm9vYmFy==;EndpointSuffix=x", "AccountKey=***;EndpointSuffix=x"),
        # KEY=value and KEY: value, with quotes and without
        ("api_key=abcd1234, next", "api_key=***, next"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql"),
        ("MYSQL_PWD=hunter2", "MYSQL_PWD=***"),
        ("AWS_SECRET_ACCESS_KEY = abc/def+ghi", "AWS_SECRET_ACCESS_KEY = ***"),
        ("API_KEY: hunter2", "API_KEY: ***"),
        ("password: hunter2", "password: ***"),
        ("password='my dog'", "password='***'"),
        ('{"token": "hunter2", "page": 1}', '{"token": "***", "page": 1}'),
        (r"{\"clientSecret\":\"hunter2\"}", r"{\"clientSecret\":\"***\"}"),
        ("{'apiKey': 'hunter2'}", "{'apiKey': '***'}"),
        ("//registry/:_authToken=hunter2", "//registry/:_authToken=***"),
        # options and headers
        ("run --token hunter2 --all", "run --token *** --all"),
        ("run --db-password=hunter2", "run --db-password=***"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer ***"),
        ("authorization: Token abc123", "authorization: Token ***"),
        ("'Authorization': 'abc123'", "'Authorization': '***'"),
        ("X-Api-Key: abc123", "X-Api-Key: ***"),
        ("Cookie: a=1; session=2", "Cookie: ***"),
        # forms that their issuers gave them
        ("key sk-abcdefghijklmnop1234 refused", "key *** refused"),
        ("github_pat_abcdefghijklmnop1234", "***"),
        ("AKIAABCDEFGHIJKLMNOP", "***"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def ended", "jwt *** ended"),
        (f"the key\n{PEM}\nis bad", "the key\n***\nis bad"),
        (PEM[:-10], "***"),
        # what only talks of one
        ("unexpected token: x", "unexpected token: x"),
        ("Unexpected token: foo", "Unexpected token: foo"),
        ("token: Field required", "token: Field required"),
        ("Token: invalid_grant", "Token: invalid_grant"),
        ("secret: invalid", "secret: invalid"),
        ("the bearer of news", "the bearer of news"),
        ("max_tokens=1000, token_count: 55", "max_tokens=1000, token_count: 55"),
        (
            "monkey=banana bypass=always compass: north",
            "monkey=banana bypass=always compass: north",
        ),
        ("https://host/a@b http://host:8080/c@d", "https://host/a@b http://host:8080/c@d"),
    ],
)
def test_credentials_are_blotted_out_and_prose_is_kept(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


def test_known_secrets_are_texts_and_not_patterns() -> None:
    assert Redaction(["a.*b("])("a.*b( axxb(") == "*** axxb("


def test_a_text_without_an_end_is_cut() -> None:
    assert len(Redaction(["s3cret"])("x" * 1_000_000)) == MOST
