#!/usr/bin/env python3
"""Benchmarks beside other programs on the same files, in one run, turn by turn (A B A B).

    scripts/bench.sh                        everything
    scripts/bench.sh parse replay range hls load fanout conversation

CPU time is that of the measured process alone, from the kernel; the clients' is not counted. Each line is the median of its turns.
"""

import os
import re
import resource
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import conversation
import load
from measured import ROOT, TARGET, Server, cpu_of, say

PARSER = str(TARGET / "bench")
TURNS = int(os.environ.get("TURNS", "5"))


def run(*command):
    """Runs a command; its CPU seconds and wall seconds."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - begin


def ffmpeg(*arguments):
    return run("ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments))


def spread(values):
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def looped(directory, name, seconds, *options):
    """A recording of testdata/ repeated until it is this long, with its frames as they are."""
    source = ROOT / "testdata" / name
    file = directory / f"{seconds}s-{name}"
    ffmpeg("-stream_loop", seconds // 20 - 1, "-i", source, "-c", "copy", *options, file)
    return file


def parse(directory):
    """Reading and indexing, against `ffmpeg -c copy -f null -`."""
    fragmented = ["-movflags", "frag_keyframe+empty_moov+default_base_moof"]
    files = [
        looped(directory, "webm_vp9_opus.webm", 5000),
        looped(directory, "ff_webm_vp8_opus.webm", 6000),
        looped(directory, "mp4_vp9_opus.mp4", 5000, *fragmented),
        looped(directory, "mp4_vp9_opus.mp4", 4800, "-movflags", "+faststart"),
    ]
    for file in files:
        size = file.stat().st_size / 1e6
        ours = {"parse": [], "index": [], "write": []}
        theirs = []
        for _ in range(TURNS):
            for what, figures in ours.items():
                figures.append(size / run(PARSER, what, str(file))[0])
            theirs.append(size / ffmpeg("-i", file, "-map", "0", "-c", "copy", "-f", "null", "-")[0])
        say(f"parse: {file.name}, {size:.0f} MB; MB per CPU-second")
        say(f"  ffmpeg -c copy -f null -      {spread(theirs)}")
        for what, figures in ours.items():
            ratio = statistics.median(a / b for a, b in zip(figures, theirs))
            say(f"  bench {what:5}                   {spread(figures)}   {ratio:.1f} x")
        file.unlink()


def first_byte(server, path):
    begin = time.monotonic()
    request = urllib.request.Request(server.base + path, headers=server.headers)
    with urllib.request.urlopen(request) as answer:
        answer.read(1)
        first = time.monotonic() - begin
        head = answer.read(1 << 20)
        return first, time.monotonic() - begin, int(answer.headers["Content-Length"]), len(head)


def replay(directory):
    """From stop to the first byte of a complete, seekable file, against rewriting it with ffmpeg."""
    server = Server(directory)
    try:
        for seconds in (20, 3600):
            source = looped(directory, "webm_vp9_opus.webm", seconds)
            ours, theirs, cpus = [], [], []
            for _ in range(min(TURNS, 3)):
                live = server.publish(source)
                cpu, begin = server.cpu(), time.monotonic()
                server.stop(live)
                stopped = time.monotonic() - begin
                first, _, length, _ = first_byte(server, f"/api/posts/live/{live}/replay.mp4")
                ours.append((stopped + first) * 1000)
                cpus.append((server.cpu() - cpu) * 1000)
                _, wall = ffmpeg("-i", source, "-c", "copy", "-movflags", "+faststart", directory / "theirs.mp4")
                theirs.append(wall * 1000)
            ratio = statistics.median(b / a for a, b in zip(ours, theirs))
            say(f"replay: a recording of {seconds} s, {length / 1e6:.0f} MB; ms from stop to the first byte of replay.mp4")
            say(f"  ours                                   {spread(ours)}   CPU {spread(cpus)} ms")
            say(f"  ffmpeg -c copy -movflags +faststart    {spread(theirs)}   {ratio:.0f} x ours")
            source.unlink()
    finally:
        server.close()


def fetch_ranges(address, path, length, size, seconds, headers):
    """Asks for random ranges over 8 connections; how many came in a second, and how many in all."""
    extra = [word for pair in headers.items() for word in pair]
    host, port = address
    script = ["-s", str(ROOT / "bench" / "ranges.lua"), f"http://{host}:{port}{path}", "--", str(length), str(size), *extra]
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", *script]
    said = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise ValueError(said)
    count, seconds = re.search(r"(\d+) requests in ([\d.]+)(?=s)", said).groups()
    return int(count) / float(seconds), int(count)


NGINX = """
worker_processes 1; daemon off; pid nginx.pid; error_log error.log; events {{ worker_connections 64; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t;
uwsgi_temp_path t; scgi_temp_path t; root {root};
server {{ listen 127.0.0.1:{on}; sendfile on; }} server {{ listen 127.0.0.1:{off}; sendfile off; }} }}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def answers(port):
    """Waits until somebody listens there."""
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise TimeoutError("nginx does not listen")


def range_(directory):
    """Ranges of a replay, against nginx on the same bytes, with sendfile and without."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    server = Server(directory)
    on, off = free_port(), free_port()
    peer = None
    try:
        live = server.publish(looped(directory, "webm_vp9_opus.webm", 3600))
        server.stop(live)
        path = f"/api/posts/live/{live}/replay.mp4"
        served = directory / "www"
        served.mkdir(mode=0o755)
        os.chmod(directory, 0o755)
        with urllib.request.urlopen(urllib.request.Request(server.base + path, headers=server.headers)) as answer:
            (served / "replay.mp4").write_bytes(answer.read())
        length = (served / "replay.mp4").stat().st_size
        (directory / "nginx.conf").write_text(NGINX.format(on=on, off=off, root=served))
        peer = subprocess.Popen([nginx, "-p", str(directory), "-c", str(directory / "nginx.conf")], stderr=subprocess.DEVNULL)
        answers(on)
        workers = Path(f"/proc/{peer.pid}/task/{peer.pid}/children").read_text().split()
        auth = {"Authorization": server.headers["Authorization"]}
        sources = {
            "ours": (server.address, path, auth, server.cpu),
            "nginx, sendfile off": (("127.0.0.1", off), "/replay.mp4", {}, lambda: cpu_of(workers)),
            "nginx, sendfile on": (("127.0.0.1", on), "/replay.mp4", {}, lambda: cpu_of(workers)),
        }
        say(f"range: random ranges of a replay of {length / 1e6:.0f} MB; load of the machine {os.getloadavg()[0]:.1f}")
        for size in (128 << 10, 1 << 20):
            per_cpu, per_second = ({name: [] for name in sources} for _ in range(2))
            for _ in range(TURNS):
                for name, (address, file, headers, cpu) in sources.items():
                    before = cpu()
                    rate, count = fetch_ranges(address, file, length, size, 3, headers)
                    per_cpu[name].append(count / max(cpu() - before, 0.01))
                    per_second[name].append(rate)
            for what, figures in (("CPU-second of the server", per_cpu), ("second", per_second)):
                say(f"  {size >> 10} KiB; requests per {what}")
                for name, values in figures.items():
                    ratio = statistics.median(a / b for a, b in zip(figures["ours"], values))
                    say(f"    {name:22} {spread(values):32} {'' if name == 'ours' else f'ours is {ratio:.2f} x'}")
    finally:
        if peer:
            peer.terminate()
            peer.wait()
        server.close()


def fetch(address, path, seconds):
    """Asks for one file over 8 connections; how many came in all."""
    host, port = address
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", f"http://{host}:{port}{path}"]
    said = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise ValueError(said)
    return int(re.search(r"(\d+) requests in", said).group(1))


def hls(directory):
    """A playlist, a part and a segment of a running live, against nginx on the same bytes."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    server = Server(directory)
    on, off = free_port(), free_port()
    peer = None
    try:
        live = server.publish(looped(directory, "webm_vp9_opus.webm", 600))
        base = f"/api/posts/live/{live}/hls/"
        read = lambda path: urllib.request.urlopen(server.base + path).read()
        playlist = read(base + "video.m3u8").decode()
        segment = next(line for line in playlist.splitlines() if line.endswith(".m4s"))
        part = re.findall(r'#EXT-X-PART:.*URI="([^"]+)"', playlist)[0]
        served = directory / "www"
        served.mkdir(mode=0o755)
        os.chmod(directory, 0o755)
        files = {"playlist": base + "video.m3u8", "part": base + part, "segment": base + segment}
        for name, path in files.items():
            (served / name).write_bytes(read(path))
        (directory / "nginx.conf").write_text(NGINX.format(on=on, off=off, root=served))
        peer = subprocess.Popen([nginx, "-p", str(directory), "-c", str(directory / "nginx.conf")], stderr=subprocess.DEVNULL)
        answers(on)
        workers = Path(f"/proc/{peer.pid}/task/{peer.pid}/children").read_text().split()
        say(f"hls: a running live of 600 s; load of the machine {os.getloadavg()[0]:.1f}")
        for name, path in files.items():
            ours, theirs = [], []
            for _ in range(TURNS):
                before = server.cpu()
                count = fetch(server.address, path, 3)
                ours.append(count / max(server.cpu() - before, 0.01))
                before = cpu_of(workers)
                count = fetch(("127.0.0.1", on), f"/{name}", 3)
                theirs.append(count / max(cpu_of(workers) - before, 0.01))
            ratio = statistics.median(a / b for a, b in zip(ours, theirs))
            size = (served / name).stat().st_size
            say(f"  {name}, {size:,} bytes; requests per CPU-second")
            say(f"    ours                   {spread(ours)}")
            say(f"    nginx, sendfile on     {spread(theirs):32} ours is {ratio:.2f} x")
    finally:
        if peer:
            peer.terminate()
            peer.wait()
        server.close()


def drain(address, path, viewers, headers, stop, received):
    """Reads one endless response over each of many connections until `stop` is set."""
    choose = selectors.DefaultSelector()
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    for number in range(viewers):
        connection = socket.create_connection(address)
        connection.sendall(f"GET {path}&n={number} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
        choose.register(connection, selectors.EVENT_READ)
    while not stop.is_set():
        for key, _ in choose.select(0.2):
            data = key.fileobj.recv(1 << 18)
            received[0] += len(data)
            if not data:
                choose.unregister(key.fileobj)
    for key in list(choose.get_map().values()):
        key.fileobj.close()


def fanout(directory):
    """One live of 2.5 Mbit/s to 100 viewers of its tail."""
    viewers, seconds = 100, 15
    source = directory / "fanout.mkv"
    ffmpeg(
        *["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=20:allf=t"],
        *["-f", "lavfi", "-i", "sine=frequency=440", "-t", seconds + 5, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"],
        *["-g", "60", "-b:v", "2500k", "-minrate", "2500k", "-maxrate", "2500k", "-bufsize", "1250k", "-c:a", "libopus", source],
    )
    content = source.read_bytes()
    server = Server(directory)
    try:
        live, location = server.start()
        pieces = (seconds + 5) * 4
        cuts = [len(content) * number // pieces for number in range(pieces + 1)]
        stop, received = threading.Event(), [0]
        begin, readers, before, at = time.monotonic(), None, 0, 0
        for number, (start, end) in enumerate(zip(cuts, cuts[1:])):
            time.sleep(max(0, begin + number / 4 - time.monotonic()))
            server.send(location, start, content[start:end])
            if number == 12:
                auth = {"Authorization": server.headers["Authorization"]}
                arguments = (server.address, f"/api/posts/live/{live}/tail.mp4?track=video", viewers, auth, stop, received)
                readers = threading.Thread(target=drain, args=arguments)
                readers.start()
            if number == 20:
                before, at = server.cpu(), received[0]
        cpu, bytes_ = server.cpu() - before, received[0] - at
        stop.set()
        readers.join()
        mbit = bytes_ * 8 / 1e6
        say(f"fanout: one live of {len(content) * 8 / 1e6 / (seconds + 5):.2f} Mbit/s to {viewers} viewers, recording and syncing included")
        say(f"  {mbit:,.0f} Mbit in {cpu:.2f} CPU-seconds of the server: {mbit / cpu:,.0f} Mbit per CPU-second")
    finally:
        server.close()


def load_(directory):
    """What viewers cost publishers."""
    load.run(directory, looped)


PARTS = {"parse": parse, "replay": replay, "range": range_, "hls": hls, "load": load_, "fanout": fanout, "conversation": conversation.run}


def main():
    for name in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory(prefix="communiconnect-bench-") as directory:
            PARTS[name](Path(directory))


main()
