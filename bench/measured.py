"""The measured server and its costs, for every benchmark."""

import json
import os
import subprocess
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
SERVER = os.environ.get("COMMUNICONNECT_BIN", str(TARGET / "communiconnect"))
TICKS = os.sysconf("SC_CLK_TCK")


def say(*words):
    print(*words, flush=True)


def cpu_of(pids):
    """CPU seconds that processes have used so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


class Server:
    """The server on a fresh directory, and one person who publishes."""

    def __init__(self, directory, before=(), environment=None, headers=None):
        command = [*before, SERVER, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(directory / "data")]
        log = open(directory / "server.log", "w")
        environment = {**os.environ, **(environment or {})}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        self.base = self.process.stdout.readline().split()[1].rstrip("/")
        self.address = ("127.0.0.1", int(self.base.rsplit(":", 1)[1]))
        self.headers = headers or {}
        if not headers:
            token = self.register("bench")[0]
            self.headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}

    def register(self, name):
        """One more person: an access token, and the person's number."""
        person = {"email": f"{name}@exemple.sn", "password": "une phrase assez longue", "first_name": "Awa", "last_name": "Ndiaye"}
        answer = json.loads(self.ask("POST", "/api/users/register/", json.dumps(person).encode())[1])
        return answer["tokens"]["access"], answer["user"]["id"]

    def ask(self, method, path, body=None, headers=None):
        url = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(url, body, {**self.headers, **(headers or {})}, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.headers, answer.read()

    def live(self):
        return json.loads(self.ask("POST", "/api/posts/live/start/", b"{}")[1])["live_id"]

    def start(self):
        live = self.live()
        headers, _ = self.ask("POST", f"/api/posts/live/{live}/upload/", b"", {"Upload-Defer-Length": "1"})
        return live, headers["Location"]

    def send(self, location, offset, piece):
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        self.ask("PATCH", location, piece, headers)

    def publish(self, file):
        live, location = self.start()
        with open(file, "rb") as source:
            offset = 0
            while piece := source.read(4 << 20):
                self.send(location, offset, piece)
                offset += len(piece)
        return live

    def stop(self, live):
        self.ask("POST", f"/api/posts/live/{live}/stop/", b"{}")

    def cpu(self):
        return cpu_of([self.process.pid])

    def close(self):
        self.process.terminate()
        self.process.wait()
