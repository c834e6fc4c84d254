"""A headless Chromium that is clicked as a person clicks: by what can be read on the page, with a real mouse.

It speaks the browser's own protocol (Chrome DevTools) over a web socket, so it needs no driver and no library that
brings a browser along.
"""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
NO_BROWSER = f"no browser found ({', '.join(BROWSERS)})"
SECONDS = 120
"""Limit for what a page needs to show; a quiet machine takes one or two."""
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
_FIND = """
((role, name, near) => {
  if (!document.body) return null;
  const selectors = {
    button: 'button, [role=button]', link: 'a[href]', tab: '[role=tab]', switch: 'label[class*=Switch] input',
    box: 'input, textarea, .CodeMirror', text: '*',
  };
  const words = (element) => (element.textContent || '').replace(/[\\s\\u200b]+/g, ' ').trim();
  const names = (element) => [
    element.getAttribute('aria-label'), element.getAttribute('placeholder'), element.getAttribute('title'),
    words(element),
  ];
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility !== 'hidden';
  };
  const away = (element) => {
    let steps = 0;
    while (element && !words(element).includes(near)) { element = element.parentElement; steps += 1; }
    return element ? steps : Infinity;
  };
  let found = [...document.body.querySelectorAll(selectors[role])].filter(
    (element) => (name === null || names(element).includes(name)) && (role === 'switch' || shown(element)));
  if (role === 'text') found = found.filter((element) => !found.some((o) => o !== element && element.contains(o)));
  if (near !== null) {
    const steps = new Map(found.map((element) => [element, away(element)]));
    const least = Math.min(...steps.values());
    found = found.filter((element) => steps.get(element) === least && least < Infinity);
  }
  const dialogs = found.filter((element) => element.closest('[role=dialog], .bp4-dialog, .bp5-dialog'));
  return (dialogs.length ? dialogs : found)[0] || null;
})(%s)
"""
_WHERE = """
(() => {
  const element = %s;
  if (!element || element.disabled || element.getAttribute('aria-disabled') === 'true') return null;
  element.scrollIntoView({block: 'nearest', inline: 'nearest'});
  const around = element.type === 'checkbox' ? element.parentElement : element;
  const box = around.getBoundingClientRect();
  const at = {x: box.left + box.width / 2, y: box.top + box.height / 2};
  const hit = document.elementFromPoint(at.x, at.y);
  return hit && (around.contains(hit) || hit.contains(element)) ? at : null;
})()
"""


class Page:
    """The one page of a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.problems: list[str] = []
        """Exceptions of scripts and errors on the console, as the developer tools list them."""
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The browser's answer to a command of its protocol."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(SECONDS))
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                return dict(message["result"])
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        told = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif message.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.problems.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif message.get("method") == "Runtime.consoleAPICalled" and told["type"] == "error":
            self.problems.append(
                " ".join(str(part.get("value", part.get("description"))) for part in told["args"])
            )

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, (script, answer["exceptionDetails"])
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        """Go to an address."""
        self.ask("Page.navigate", url=url)

    def words(self) -> str:
        """What can be read on the page."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def wait(self, script: str, what: str, seconds: float = SECONDS) -> Any:
        """The value of an expression once it is true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := self.run(script):
                return value
            time.sleep(0.2)
        return pytest.fail(f"{what}; the page at {self.run('location.href')} says: {self.words()[:3000]}")

    def shows(self, *texts: str, seconds: float = SECONDS) -> None:
        """Wait until all of these words can be read."""
        for text in texts:
            script = f"document.body && document.body.innerText.includes({json.dumps(text)})"
            self.wait(script, f"{text!r} is not shown", seconds)

    def click(self, role: str, name: str | None = None, near: str | None = None) -> None:
        """Click what has this name (or stands nearest to these words), once it can be clicked."""
        where = _WHERE % (_FIND % f"{json.dumps(role)}, {json.dumps(name)}, {json.dumps(near)}")
        at = self.wait(where, f"no {role} {name!r} near {near!r} to click")
        settled = self.run(where)
        while settled != at:  # still moving
            at, settled = settled, self.run(where)
        self.mouse("mouseMoved", at)
        self.mouse("mousePressed", at)
        self.mouse("mouseReleased", at)

    def mouse(self, kind: str, at: dict[str, float]) -> None:
        """One event of the mouse."""
        button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
        self.ask("Input.dispatchMouseEvent", type=kind, **at, **button)

    def switched(self, near: str, on: bool) -> None:
        """Wait until the switch nearest to these words is on, or off."""
        found = _FIND % f"'switch', null, {json.dumps(near)}"
        wanted = json.dumps(on)
        script = f"(() => {{ const found = {found}; return found && found.checked === {wanted}; }})()"
        self.wait(script, f"the switch near {near!r} is not {'on' if on else 'off'}")

    def type(self, text: str) -> None:
        """Type where the cursor is."""
        self.ask("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key, such as Enter (13) or Escape (27)."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def picture(self, path: Path) -> None:
        """Write what is seen as a PNG file, when it has stopped moving (or after some seconds)."""
        before = ""
        for _ in range(10):
            seen = str(self.ask("Page.captureScreenshot", format="png")["data"])
            if seen == before:
                break
            before = seen
            time.sleep(1)
        path.write_bytes(base64.b64decode(seen))


@contextmanager
def browser(profile: Path, width: int = 1440, height: int = 900) -> Iterator[Page]:
    """A browser with one page; `profile` is an empty folder for its files."""
    command = [str(BROWSER), *_QUIET, f"--user-data-dir={profile}", "--remote-debugging-port=0"]
    with (profile / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--window-size={width},{height}", "about:blank"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        with connect(_address(profile), max_size=None, ping_interval=None, proxy=None) as socket:
            page = Page(socket)
            page.ask(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
            )
            yield page
    finally:
        process.terminate()
        process.wait(SECONDS)


def _address(profile: Path) -> str:
    """Where the browser listens, which it writes into its profile."""
    told, deadline = profile / "DevToolsActivePort", time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if told.exists() and (lines := told.read_text(encoding="utf-8").split()):
            pages = requests.get(f"http://127.0.0.1:{lines[0]}/json/list", timeout=SECONDS).json()
            if found := [page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"]:
                return str(found[0])
        time.sleep(0.1)
    return str(pytest.fail((profile / "browser.log").read_text(encoding="utf-8", errors="replace")[-3000:]))
