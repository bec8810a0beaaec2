"""What viewers cost publishers: lives that are loaded, deleted and asked for by a crowd, while somebody publishes."""

import os
import signal
import statistics
import threading
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from measured import Server, say

LIVES = int(os.environ.get("LIVES", "94"))


class Publisher:
    """One who sends small slices and asks where the upload stands, and notes how long each answer took."""

    def __init__(self, server, content):
        self.server, self.content, self.offset = server, content, 0
        self.live, location = server.start()
        self.path = urlsplit(location).path

    def moved(self, server):
        self.server = server

    def patch(self):
        piece = self.content[self.offset : self.offset + 20_000]
        begin = time.monotonic()
        self.server.send(self.path, self.offset, piece)
        self.offset += len(piece)
        return (time.monotonic() - begin) * 1000

    def head(self):
        begin = time.monotonic()
        headers, _ = self.server.ask("HEAD", self.path)
        assert int(headers["Upload-Offset"]) == self.offset, "an offset that was acknowledged is gone"
        return (time.monotonic() - begin) * 1000

    def patches_beside(self, work):
        """The slowest answer while `work` runs, of 10 at least."""
        thread = threading.Thread(target=work)
        thread.start()
        times = []
        while thread.is_alive() or len(times) < 10:
            times.append(self.patch())
        thread.join()
        return max(times), len(times)


def restarted(server, directory):
    """The same server after `kill -9`: nothing of it is in memory."""
    headers = server.headers
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    return Server(directory, headers=headers)


def quietly(server, method, path, headers=None):
    try:
        server.ask(method, path, headers=headers)
    except urllib.error.HTTPError as error:
        error.read()


def verdict(what, value, alone, least):
    bound = max(least, 3 * alone)
    say(f"  {what:58} {value:7.1f} ms   alone {alone:5.1f} ms, at most {bound:.0f}   {'ok' if value <= bound else 'TOO LONG'}")


def memory(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def crowd(server, path, viewers):
    """Viewers who ask for the first byte of a replay at the same moment: processor in seconds, memory in MiB."""
    gate = threading.Barrier(viewers)
    before, cpu = memory(server), server.cpu()

    def view(_):
        gate.wait()
        server.ask("GET", path, headers={"Range": "bytes=0-0"})

    with ThreadPoolExecutor(viewers) as pool:
        list(pool.map(view, range(viewers)))
    return server.cpu() - cpu, memory(server) - before


def run(directory, looped):
    """`looped(directory, name, seconds)` makes a long recording."""
    server = Server(directory)
    try:
        hour = looped(directory, "webm_vp9_opus.webm", 3600)
        long, doomed = server.publish(hour), server.publish(hour)
        server.stop(long)
        server.stop(doomed)
        short = looped(directory, "webm_vp9_opus.webm", 300)
        lives = [server.publish(short) for _ in range(LIVES)]
        publisher = Publisher(server, hour.read_bytes())
        alone = statistics.median(publisher.patch() for _ in range(30))
        say(f"load: lives of an hour, and {LIVES} of five minutes; the slowest answer to one who publishes another live")

        takes = directory / "data" / "lives" / str(long) / "takes"
        for index in takes.glob("*/*.idx"):
            index.unlink()
        server = restarted(server, directory)
        publisher.moved(server)
        publisher.head()
        slowest, count = publisher.patches_beside(lambda: quietly(server, "GET", f"/api/posts/live/{long}/timeline"))
        verdict(f"PATCH beside a load without index ({count} of them)", slowest, alone, 50)

        slowest, count = publisher.patches_beside(lambda: quietly(server, "DELETE", f"/api/posts/live/{doomed}/"))
        verdict(f"PATCH beside the deletion of a long live ({count})", slowest, alone, 50)

        server = restarted(server, directory)
        publisher.moved(server)
        head_alone = publisher.head()
        server = restarted(server, directory)
        publisher.moved(server)
        with ThreadPoolExecutor(32) as pool:
            loads = [pool.submit(quietly, server, "GET", f"/api/posts/live/{live}/timeline") for live in [long, *lives]]
            first = publisher.head()
            slowest, count = publisher.patches_beside(lambda: [load.result() for load in loads])
        verdict(f"the first HEAD after a restart while {LIVES + 1} lives load", first, head_alone, 100)
        verdict(f"PATCH beside them ({count})", slowest, alone, 50)

        path = f"/api/posts/live/{long}/replay.mp4"
        costs = {}
        for viewers in (1, 50):
            server = restarted(server, directory)
            server.ask("GET", f"/api/posts/live/{long}/timeline")
            costs[viewers] = crowd(server, path, viewers)
        (cpu, grown), (cpus, grown_all) = costs[1], costs[50]
        say("  the head of an hour, asked for by one and by fifty at the same moment")
        say(f"    processor {cpu:.2f} s and {cpus:.2f} s   {'ok' if cpus <= 3 * max(cpu, 0.02) else 'TOO MUCH'}")
        say(f"    memory {grown:.0f} MiB and {grown_all:.0f} MiB   {'ok' if grown_all <= 1.5 * grown + 16 else 'TOO MUCH'}")
    finally:
        server.close()
