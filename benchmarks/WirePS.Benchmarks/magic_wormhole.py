"""Measures magic-wormhole on the loopback address.

magic_wormhole.py check              exit code 0 where everything is installed
magic_wormhole.py measure ROUNDS AT_ONCE BURSTS
                                     print {"created": [ms...], "connected": [ms...], "bursts": [ms...]}

The mailbox server, the host and the guest are processes of their own. Times are taken from the clock that all processes
of this machine share.
"""
import json
import socket
import subprocess
import sys
import time

WARM_UPS = 3
REST = 0.15


def measure(rounds, at_once, bursts):
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "twisted", "--log-level=error", "wormhole-mailbox", "--port", f"tcp:{port}:interface=127.0.0.1"],
        stdout=subprocess.DEVNULL,
    )
    sides = []
    try:
        wait_for_port(port)
        for role in ("host", "guest"):
            side = subprocess.Popen(
                [sys.executable, __file__, "side", role, f"ws://127.0.0.1:{port}/v1"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            )
            sides.append(side)
        results = {}
        for start in ("created", "connected"):
            results[start] = [one_round(sides, start, f"{number}-{start}-round") for number in range(rounds + WARM_UPS)][WARM_UPS:]
        results["bursts"] = [one_burst(sides, at_once, number) for number in range(bursts + 1)][1:]
        print(json.dumps(results))
    finally:
        for process in [*sides, server]:
            process.kill()


def one_round(sides, start, code):
    host, guest = sides
    say(host, {"start": "connected", "code": code})
    hear(host, "connected")
    say(host, "go")
    if start == "connected":
        say(guest, {"start": start, "code": code})
        hear(guest, "connected")
    time.sleep(REST)
    say(guest, "go" if start == "connected" else {"start": start, "code": code})
    began = hear(guest, "began")
    hear(host, "began")
    took = max(hear(guest, "verified"), hear(host, "verified")) - began
    hear(guest, "closed")
    hear(host, "closed")
    return took / 1e6


def one_burst(sides, at_once, number):
    """Both sides create all their wormholes inside the clock; the first burst warms up."""
    codes = [f"{1000 + at_once * number + index}-burst-round" for index in range(at_once)]
    time.sleep(REST)
    for one in sides:
        say(one, {"start": "burst", "codes": codes})
    began = min([hear(one, "began") for one in sides])
    took = max([hear(one, "verified") for one in sides]) - began
    for one in sides:
        hear(one, "closed")
    return took / 1e6


def say(side, message):
    side.stdin.write(json.dumps(message) + "\n")


def hear(side, event):
    line = side.stdout.readline()
    name, at = json.loads(line) if line else ("end", 0)
    if name != event:
        raise RuntimeError(f"expected {event!r}, got {name!r}")
    return at


def side(url):
    """Runs rounds as they are asked for on standard input, and tells what happens when on standard output."""
    import wormhole
    from twisted.internet import defer, reactor, stdio
    from twisted.protocols.basic import LineReceiver

    lines = defer.DeferredQueue()

    class Input(LineReceiver):
        delimiter = b"\n"

        def lineReceived(self, line):
            lines.put(json.loads(line))

    def tell(event):
        print(json.dumps([event, time.monotonic_ns()]), flush=True)

    @defer.inlineCallbacks
    def burst(codes):
        tell("began")
        many = []
        for code in codes:
            one = wormhole.create("wireps.example/benchmark", url, reactor)
            one.set_code(code)
            many.append(one)
        yield defer.gatherResults([one.get_verifier() for one in many])
        tell("verified")
        yield defer.gatherResults([one.close() for one in many])
        tell("closed")

    @defer.inlineCallbacks
    def serve():
        while True:
            order = yield lines.get()
            if order["start"] == "burst":
                yield burst(order["codes"])
                continue
            if order["start"] == "created":
                tell("began")
            one = wormhole.create("wireps.example/benchmark", url, reactor)
            if order["start"] == "connected":
                yield one.get_welcome()
                tell("connected")
                yield lines.get()
                tell("began")
            one.set_code(order["code"])
            yield one.get_verifier()
            tell("verified")
            yield one.close()
            tell("closed")

    def fail(problem):
        sys.stderr.write(problem.getTraceback())
        reactor.stop()

    stdio.StandardIO(Input())
    reactor.callWhenRunning(lambda: serve().addErrback(fail))
    reactor.run()


def check():
    import twisted  # noqa: F401
    import wormhole  # noqa: F401
    import wormhole_mailbox_server  # noqa: F401


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the mailbox server does not listen")


if __name__ == "__main__":
    if sys.argv[1] == "measure":
        measure(*map(int, sys.argv[2:5]))
    elif sys.argv[1] == "side":
        side(sys.argv[3])
    else:
        try:
            check()
        except ImportError:
            sys.exit(1)
