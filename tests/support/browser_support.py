"""Headless Chromium, driven over its debugging protocol: opens a page, presses keys, and says what went on."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
import websocket
from patience import patient
from pypdf import PdfReader

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_SECONDS = 60
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
    "--remote-allow-origins=*", "--hide-scrollbars", "about:blank",
)  # fmt: skip


class Tab:
    """One tab: `events` collects all that the browser told while something was asked of it."""

    def __init__(self, socket):
        self._socket, self._number, self.events = socket, 0, []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **values):
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": values}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def wait_for(self, event):
        while not any(each["method"] == event for each in self.events):
            self.events.append(json.loads(self._socket.recv()))

    def value(self, expression):
        """Evaluate JavaScript; Chromium does that for a debugger, whatever the page's policy says."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def open(self, path, width=1280, height=900, scheme="light"):
        phone = width < 600
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.ask("Page.navigate", url=Path(path).as_uri())
        self.wait_for("Page.loadEventFired")

    def press(self, key, code):
        text = {"Enter": "\r", " ": " "}.get(key)
        down = {"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", **down, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", **{**down, "type": "keyUp"})

    def asked_for(self):
        """Return the addresses of all that the page, which was opened last, loaded or tried to."""
        requests = [each["params"] for each in self.events if each["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in requests]

    def complaints(self):
        """Return what stands on the browser's console."""
        loud = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [each for each in self.events if each["method"] in loud]

    def page_width(self):
        """Return the pixels that the page is wide; more than the window has must be scrolled sideways."""
        return self.value("document.documentElement.scrollWidth")

    def unfold(self, unfolded=True):
        """Open all that is folded, or fold it again."""
        self.value(f"document.querySelectorAll('details').forEach(each => each.open = {str(unfolded).lower()})")

    def printed(self):
        """Print the page, and return the text of each sheet of paper without its spaces, which a PDF does not keep."""
        pdf = base64.b64decode(self.ask("Page.printToPDF", printBackground=False)["data"])
        return ["".join(sheet.extract_text().split()) for sheet in PdfReader(BytesIO(pdf)).pages]


@contextmanager
def browser():
    """Return a new tab of a Chromium that knows nothing of the user's; it is gone afterwards. Skips without one."""
    if PROGRAM is None:
        pytest.skip("Chromium is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [PROGRAM, f"--user-data-dir={folder}", *_OPTIONS]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": folder}
        )
        try:
            socket = websocket.create_connection(
                _address(Path(folder), process), timeout=patient(_SECONDS), suppress_origin=True
            )
            try:
                target = _call(socket, 1, "Target.createTarget", url="about:blank")["targetId"]
                port = (Path(folder) / "DevToolsActivePort").read_text().split()[0]
            finally:
                socket.close()
            page = websocket.create_connection(
                f"ws://127.0.0.1:{port}/devtools/page/{target}", timeout=patient(_SECONDS), suppress_origin=True
            )
            try:
                yield Tab(page)
            finally:
                page.close()
        finally:
            process.terminate()
            process.wait(patient(_SECONDS))


def _address(folder, process):
    file, until = folder / "DevToolsActivePort", time.monotonic() + patient(_SECONDS)
    while time.monotonic() < until and process.poll() is None:
        if file.is_file() and len(lines := file.read_text().split()) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise AssertionError(f"Chromium did not start (exit code {process.poll()})")


def _call(socket, number, method, **values):
    socket.send(json.dumps({"id": number, "method": method, "params": values}))
    while (message := json.loads(socket.recv())).get("id") != number:
        pass
    return message["result"]
