"""A small web server that answers like OpenML, well or badly."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fusebench.datasets import _downloads

ARFF = (
    "@relation credit-g\n@attribute row numeric\n@attribute age numeric\n"
    "@attribute 'housing kind' {own, rent}\n@attribute class {good, bad}\n@data\n"
    + "".join(f"{n},{20 + n % 50},{['own', 'rent', '?'][n % 3]},{['good', 'bad'][n % 2]}\n" for n in range(60))
).encode()
FEATURES = [
    ("row", "numeric", "false", "true"),
    ("age", "numeric", "false", "false"),
    ("housing kind", "nominal", "false", "false"),
    ("class", "nominal", "true", "false"),
]


@dataclass
class Web:
    """What the server answers.

    Parameters
    ----------
    address : str
    answers : dict of path to bytes
    faults : dict of path to what goes wrong
    asked : list of paths in order
    """

    address: str = ""
    answers: dict = field(default_factory=dict)
    faults: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def openml(self, number, name):
        description = {
            "id": str(number), "name": name, "version": "1", "format": "ARFF", "status": "active",
            "licence": "Public", "default_target_attribute": "class", "citation": "Somebody, 1994.",
            "url": f"{self.address}/data/v1/download/{number}/{name}.arff",
            "md5_checksum": hashlib.md5(ARFF).hexdigest(), "description": "made up",
        }  # fmt: skip
        features = [
            {
                "index": str(n), "name": label, "data_type": kind, "is_target": target, "is_ignore": "false",
                "is_row_identifier": is_id, "number_of_missing_values": "0",
                **({"nominal_value": {"housing kind": ["own", "rent"], "class": ["good", "bad"]}[label]} if kind == "nominal" else {}),
            }
            for n, (label, kind, target, is_id) in enumerate(FEATURES)
        ]  # fmt: skip
        found = {"did": number, "name": name, "version": 1, "status": "active"}
        self.answers |= {
            f"/api/v1/json/data/{number}": _json({"data_set_description": description}),
            f"/api/v1/json/data/features/{number}": _json({"data_features": {"feature": features}}),
            f"/api/v1/json/data/qualities/{number}": _json(
                {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "60.0"}]}}
            ),
            f"/api/v1/json/data/list/data_name/{name}/limit/2/status/active/": _json({"data": {"dataset": [found]}}),
            f"/data/v1/download/{number}/{name}.arff": ARFF,
        }


def _json(value):
    return json.dumps(value).encode()


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A running server; local copies go to a folder of the test."""
    found = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.split("?")[0]
            found.asked.append(path)
            fault = found.faults.get(path)
            body = found.answers.get(path)
            if fault == "fails":
                self.send_error(503)
            elif body is None:
                self.send_response(412)
                self.end_headers()
                self.wfile.write(_json({"error": {"code": "111", "message": "Unknown dataset"}}))
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if fault == "truncated" else body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    found.stop = lambda: (server.shutdown(), server.server_close())
    monkeypatch.setenv("FUSEBENCH_DATA", str(tmp_path / "copies"))
    monkeypatch.setenv("FUSEBENCH_OPENML_URL", found.address)
    monkeypatch.setattr(_downloads, "DELAY", 0.01)
    yield found
    if thread.is_alive():
        found.stop()
