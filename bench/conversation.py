"""The conversation: the server on one core, the load on another, open loop, each goal beside what was found.

The load is `talk` (bench/src/talk). CONVERSATION=acks,fanout runs some of the parts: acks saturation fanout idle readings storm.
"""

import json
import os
import resource
import subprocess
from pathlib import Path

from measured import ROOT, TARGET, Server, say

TALK = str(TARGET / "talk")
BUN = ROOT / ".tools/bun/node_modules/.bin/bun"
SECONDS = int(os.environ.get("SECONDS_EACH", "6"))
MESSAGES = int(os.environ.get("MESSAGES", "1000000"))
PEOPLE = 20
# No floods are stopped, since so few people write so much.
UNLIMITED = {"COMMUNICONNECT_MESSAGES_PER_S": "100000", "COMMUNICONNECT_MESSAGE_BURST": "1000000"}
CORES = sorted(os.sched_getaffinity(0))
THEIRS, OURS = str(CORES[0]), str(CORES[-1])
# What Bun publishes: as long as a message of ours. `WORDS` is what is said.
PUBLISHED = (
    '{"id":1048577001,"seq":1,"content":"WORDS","timestamp":"2026-11-22T19:00:00.000Z","type":"text","reply_to":null,"position":{"take":1,"ms":0},'
    '"position_ms":0,"author":{"id":1,"first_name":"Awa","last_name":"Ndiaye","profile_picture":null},"deleted":false}'
)
BUN_SERVER = """
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch(request, server) { if (!server.upgrade(request)) return new Response("no"); },
  websocket: { perMessageDeflate: false, open(socket) { socket.subscribe("b"); }, message(socket, text) { server.publish("b", text); } } });
console.log(server.port);
"""
goals = []


def talk(what, *before, **asked):
    command = [*before, "taskset", "-c", OURS, TALK, what, json.dumps(asked)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def goal(name, found, met):
    goals.append((name, found, met))
    say(f"  {'met    ' if met else 'NOT MET'}  {name}: {found}")


def load_average():
    return Path("/proc/loadavg").read_text().split()[0]


class Talking(Server):
    """The server on a core of its own, and people who write."""

    def __init__(self, directory, kept=None):
        super().__init__(directory, ("taskset", "-c", THEIRS), UNLIMITED, kept and kept.headers)
        self.people = kept.people if kept else [self.register(f"p{number}") for number in range(PEOPLE)]
        self.where = {"address": "%s:%d" % self.address, "pid": self.process.pid}
        self.tokens = [token for token, _ in self.people]

    def path(self, live, query=""):
        return f"/api/posts/live/{live}/chat/ws/{query}"


class Bun:
    """What one publish costs there: nothing is kept, checked or numbered."""

    def __init__(self, directory):
        script = directory / "bun.js"
        script.write_text(BUN_SERVER)
        self.process = subprocess.Popen(["taskset", "-c", THEIRS, str(BUN), str(script)], stdout=subprocess.PIPE, text=True)
        port = int(self.process.stdout.readline())
        self.where = {"address": f"127.0.0.1:{port}", "pid": self.process.pid}

    def close(self):
        self.process.terminate()
        self.process.wait()


def times(found):
    return f"p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms, longest {found['longest']:.1f} ms"


def acks(server, _):
    say("acknowledgements of durable messages over 200 connections, each of which also reads them all")
    asked = {"connections": 200, "writers": 200, "tokens": server.tokens, "seconds": SECONDS, "frame": None}
    for found, most in zip(talk("talk", **server.where, path=server.path(server.live()), rates=[100, 1_000], **asked), (20, 50)):
        told = f"{times(found['ack'])}; {found['ack']['count']} of {found['sent']}; {found['cpu'] / SECONDS:.0%} of a core"
        goal(f"{found['rate']} messages/s, p99 at most {most} ms", told, found["ack"]["p99"] <= most and found["ack"]["count"] == found["sent"])


def saturation(server, _):
    say("acknowledged messages at saturation: 384 connections, four in each live, each writes again when it is answered")
    paths = [server.path(server.live(), "?after=1000000000") for _ in range(96)]
    found = talk("saturate", **server.where, paths=paths, connections=384, tokens=server.tokens, seconds=SECONDS)
    say(f"  {found['acked'] / SECONDS:,.0f} messages/s over WebSockets on one core; {found['cpu'] / found['acked'] * 1e6:.0f} us of CPU each")


def fanout(server, directory):
    say("fan-out to 1,000 viewers, a hundred of whom write: deliveries per CPU-second of the server")
    asked = {"connections": 1_000, "writers": 100, "seconds": SECONDS, "rates": [50, 150, 300]}
    ours = talk("talk", **server.where, path=server.path(server.live()), tokens=server.tokens, frame=None, **asked)
    theirs = [None] * len(ours)
    if BUN.exists():
        bun = Bun(directory)
        try:
            theirs = talk("talk", **bun.where, path="/", tokens=[], frame=PUBLISHED, **asked)
        finally:
            bun.close()
    else:
        say("  Bun is not installed, left out")
    for found, beside in zip(ours, theirs):
        name = f"{found['rate']} messages/s"
        each = found["deliveries"] / found["cpu"]
        whole = found["deliveries"] == found["expected"]
        goal(f"{name}, p99 at most 100 ms", f"{times(found['delivery'])}; {found['deliveries']} of {found['expected']}", found["delivery"]["p99"] <= 100 and whole)
        if beside:
            bun_each = beside["deliveries"] / beside["cpu"]
            told = f"{each:,.0f} beside {bun_each:,.0f}: {each / bun_each:.2f} x; Bun's {times(beside['delivery'])}"
            goal(f"{name}, at least 0.5 of Bun's", told, each >= bun_each / 2)


def idle(server, _):
    say("memory of idle viewers")
    live = server.live()
    found = talk("idle", **server.where, path=server.path(live), counts=[1_000, 5_000])
    empty = found[0]["memory"]
    for step in found[1:]:
        each = (step["memory"] - empty) / step["viewers"] / 1e3
        goal(f"{step['viewers']} viewers, at most 12 kB each", f"{each:.1f} kB ({empty / 1e6:.0f} MB with none)", each <= 12)


def readings(server, directory):
    live = server.live()
    server.close()
    database = str(directory / "data/communiconnect.sqlite")
    people = [person for _, person in server.people]
    sown = json.loads(subprocess.run([TALK, "seed", json.dumps({"database": database, "live": live, "people": people, "messages": MESSAGES})], check=True, stdout=subprocess.PIPE).stdout)
    say(f"a live of {MESSAGES:,} messages ({sown['messages'] / sown['seconds']:,.0f} posted a second), read over HTTP while 300 messages/s are written")
    server = Talking(directory, server)
    try:
        base = f"/api/posts/live/{live}/chat/messages/"
        after = [f"{base}?after={number * 7919 % MESSAGES}&limit=50" for number in range(500)]
        window = [f"{base}?from_ms={at}&to_ms={at + 2000}" for at in (number * 104_729 % 18_000_000 for number in range(500))]
        search = [f"{base}?q={words}" for words in ("bonjour%20dakar", "replay", "question%20prix", "demain", "f%C3%A9licitations")]
        kinds = [("page of 50", after), ("window of 2 s", window), ("search", search)]
        asked = {"connections": 100, "writers": 100, "tokens": server.tokens, "rates": [300], "seconds": 2 * SECONDS, "frame": None}
        talk("read", address=server.where["address"], kinds=kinds, rate=60, seconds=1)
        writing = subprocess.Popen(["taskset", "-c", OURS, TALK, "talk", json.dumps({**server.where, **asked, "path": server.path(live, "?after=1000000000")})], stdout=subprocess.PIPE)
        found = talk("read", address=server.where["address"], kinds=kinds, rate=60, seconds=2 * SECONDS)
        written = json.loads(writing.communicate()[0])[0]
        say(f"  acknowledged meanwhile: {times(written['ack'])}")
        for (name, _), most in zip(kinds, (5, 5, 50)):
            goal(f"{name}, p99 at most {most} ms", f"{times(found[name]['times'])}; {found[name]['bytes'] / 1e3:.0f} kB", found[name]["times"]["p99"] <= most)
    finally:
        server.close()


def storm(server, _):
    say("5,000 viewers come back at once, each 150 messages behind")
    live = server.live()
    talk("talk", **server.where, path=server.path(live), connections=20, writers=20, tokens=server.tokens, rates=[500], seconds=1, frame=None)
    newest = json.loads(server.ask("GET", f"/api/posts/live/{live}/")[1])["messages"]
    found = talk("storm", **server.where, path=server.path(live, f"?after={newest - 150}"), viewers=5_000, newest=newest, behind=150)
    whole = found["caught_up"] == found["viewers"] and found["out_of_order"] == 0
    told = f"{found['caught_up']} of {found['viewers']}: {times(found['times'])}; {found['out_of_order']} out of order; {found['cpu']:.2f} CPU-seconds"
    goal("all caught up within 5 s, each message once and in order", told, whole and found["times"]["longest"] <= 5_000)


PARTS = {"acks": acks, "saturation": saturation, "fanout": fanout, "idle": idle, "storm": storm, "readings": readings}


def run(directory):
    """Every part on a server of its own."""
    # Five thousand viewers are as many descriptors, here and there.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    say(f"conversation: the server on core {THEIRS}, the load on core {OURS}; load average {load_average()}")
    for name in os.environ.get("CONVERSATION", ",".join(PARTS)).split(","):
        place = directory / name
        place.mkdir()
        server = Talking(place)
        try:
            PARTS[name](server, place)
        finally:
            server.close()
    met = sum(met for *_, met in goals)
    say(f"conversation: {met} of {len(goals)} goals met; load average {load_average()}")
