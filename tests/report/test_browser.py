"""The page in a real browser: it renders, sorts, says nothing to the console and asks nobody for anything."""

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request

import pytest

from fusebench import api

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "--remote-allow-origins=*",
]  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs chromium (apt-get install chromium)"),
]


class Page:
    """A tab, driven through the browser's own debugging protocol."""

    def __init__(self, socket):
        self.socket, self.numbers, self.events = socket, itertools.count(1), []

    def ask(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def run(self, script):
        told = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def open(self, url):
        self.ask("Page.navigate", url=url)
        for _ in range(600):
            if self.run("document.readyState") == "complete" and self.run("location.href") != "about:blank":
                return
            time.sleep(0.05)
        raise TimeoutError(url)

    def seen(self, method):
        self.run("1")
        return [one["params"] for one in self.events if one.get("method") == method]


@pytest.fixture
def page(tmp_path):
    from websockets.sync.client import connect

    profile = tmp_path / "profile"
    command = [BROWSER, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            found = profile / "DevToolsActivePort"
            for _ in range(1200):
                if found.exists() and len(found.read_text().split()) == 2:
                    break
                time.sleep(0.05)
            port = found.read_text().split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as told:
                tab = next(one for one in json.load(told) if one["type"] == "page")
            with connect(tab["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
                tab = Page(socket)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    tab.ask(f"{domain}.enable")
                yield tab
        finally:
            browser.terminate()
            browser.wait(30)


@pytest.fixture
def address(make_suite, tmp_path):
    results = make_suite(learners=("lr", "rf", "<script>document.title='broken'</script>"))
    (tmp_path / "page.html").write_text(api.render(results, api.compare(results), "html"))
    return (tmp_path / "page.html").as_uri()


FIRST = "Array.from(document.querySelector('#leaderboard tbody').rows, row => row.cells[{}].textContent)"


def test_the_page_renders_and_sorts_and_asks_nobody(page, address, tmp_path):
    page.open(address)
    assert page.run("document.title").startswith("suite")
    assert page.run("document.querySelectorAll('svg').length") >= 6
    assert (
        page.run("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") == "4px"
    )  # the style is let in
    models = page.run(FIRST.format(1))
    click = "document.querySelectorAll('#leaderboard thead button')[{}].click()"
    page.run(click.format(1))
    assert page.run(FIRST.format(1)) == sorted(models, key=str.lower) != models
    page.run(click.format(3))
    scores = page.run(FIRST.format(3))
    known = [float(score) for score in scores if score != "n/a"]
    assert known == sorted(known)
    assert scores[-1] == "n/a"  # what has no score stays last
    page.run(click.format(3))
    assert page.run(FIRST.format(3))[: len(known)] == [f"{one:.4f}" for one in known[::-1]]
    assert page.run("document.querySelectorAll('#leaderboard th')[3].getAttribute('aria-sort')") == "descending"
    assert (
        page.seen("Runtime.consoleAPICalled") + page.seen("Log.entryAdded") + page.seen("Runtime.exceptionThrown") == []
    )
    asked = {one["request"]["url"] for one in page.seen("Network.requestWillBeSent")}
    assert {url for url in asked if not url.startswith("data:")} == {address}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_differ_and_both_can_be_read(page, address, scheme, tmp_path):
    page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(address)
    ground, ink = (page.run(f"getComputedStyle(document.body).{one}") for one in ("backgroundColor", "color"))
    brightness = [sum(int(part) for part in colour[4:-1].split(",")) for colour in (ground, ink)]
    assert abs(brightness[0] - brightness[1]) > 3 * 150
    assert (brightness[0] > brightness[1]) == (scheme == "light")
    picture = page.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
    assert len(base64.b64decode(picture)) > 20_000
    (tmp_path / f"{scheme}.png").write_bytes(base64.b64decode(picture))


def test_it_prints(page, address):
    page.open(address)
    assert base64.b64decode(page.ask("Page.printToPDF")["data"]).startswith(b"%PDF")
