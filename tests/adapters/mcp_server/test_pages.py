"""A web page that talks to the server, in a browser."""

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import SECONDS, Serving
from .test_http import TOKEN
from .test_stdio import HELLO

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="there is no Chromium; on Debian: apt install chromium"
)

PAGE = """
<!doctype html><title>a client</title><script type="module">
const { url, token, hello } = await (await fetch("/settings")).json();
let session;
async function ask(message) {
    const headers = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "Authorization": `Bearer ${token}`,
        "Mcp-Protocol-Version": "2025-06-18",
        ...(session ? { "Mcp-Session-Id": session } : {}),
    };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(message) });
    session ??= response.headers.get("Mcp-Session-Id");
    const body = await response.text();
    const data = body.split("\\n").find((line) => line.startsWith("data: {"));
    return { status: response.status, message: data ? JSON.parse(data.slice(6)) : body };
}
let found;
try {
    await ask({ jsonrpc: "2.0", id: 1, ...hello });
    await ask({ jsonrpc: "2.0", method: "notifications/initialized" });
    const code = "text(await tools.add({a: 40, b: 2}))";
    const { message } = await ask({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "exec", arguments: { code } } });
    const ended = await fetch(url, { method: "DELETE", headers: { "Authorization": `Bearer ${token}`, "Mcp-Session-Id": session } });
    token_refused: {
        const refused = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
        found = { text: message.result.content.at(-1).text, ended: ended.status, refused: [refused.status, refused.headers.get("WWW-Authenticate")] };
    }
} catch (error) {
    found = { error: String(error) };
}
await fetch("/found", { method: "POST", body: JSON.stringify(found) });
</script>
"""


class Site:
    """A site that has the page, gives it its settings, and takes what it found."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.found: dict[str, Any] | None = None
        self.told = threading.Event()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_page = self.path == "/"
                body = PAGE if is_page else json.dumps(site.settings)
                self.send_response(200)
                self.send_header("Content-Type", "text/html" if is_page else "application/json")
                self.end_headers()
                self.wfile.write(body.encode())

            def do_POST(self) -> None:
                site.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()
                site.told.set()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def browse(site: Site, folder: Path) -> dict[str, Any]:
    """What the page found once a browser has opened it."""
    assert BROWSER is not None
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ]
    child = subprocess.Popen(
        [BROWSER, *options, f"--user-data-dir={folder}", f"{site.origin}/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with child:
        try:
            assert site.told.wait(SECONDS)
        finally:
            child.kill()
    assert site.found is not None
    return site.found


def test_a_page_that_is_allowed_runs_programs_and_reads_the_answers(
    site: Site, serving: Callable[..., Serving], tmp_path: Path
) -> None:
    server = serving("--allow-origin", site.origin, CODEMODE_TOKEN=TOKEN)
    site.settings = {"url": server.url, "token": TOKEN, "hello": HELLO}
    assert browse(site, tmp_path) == {"text": "42", "ended": 200, "refused": [401, "Bearer"]}


def test_a_page_that_is_not_allowed_cannot_even_ask(
    site: Site, serving: Callable[..., Serving], tmp_path: Path
) -> None:
    server = serving("--allow-origin", "https://app.example", CODEMODE_TOKEN=TOKEN)
    site.settings = {"url": server.url, "token": TOKEN, "hello": HELLO}
    assert browse(site, tmp_path) == {"error": "TypeError: Failed to fetch"}
