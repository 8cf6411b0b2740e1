"""Runs real Zenoh routers from what `nuncio trust export --zenoh` writes, and looks at what they let through.

Usage: python3 zenoh_router.py PATH_OF_NUNCIO
Needs from PyPI: `eclipse-zenoh`, whose session in mode `router` is the router that `zenohd` runs.

Keys, roles and certificates are made by the command line, and `nuncio topic pub` publishes through the router over TLS.
A spy, which may hear everything, sits behind the router and is no Nuncio node, so it checks nothing: what it does not
hear was refused at the hop. Each refusal is made twice more: `nuncio trust test` has to say the same of it, and a
router with the same certificates but without the rules has to let it through, or it proves nothing.
"""

import contextlib
import itertools
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

try:
    import zenoh
except ImportError:
    sys.exit("expected the Python package eclipse-zenoh, which has the router, found none: pip install eclipse-zenoh")

SECONDS_MAX = 30
NUMBERS = itertools.count()
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ROLES = """
[roles.talker]
publish = ["chatter", "robot1/status"]

[roles.driver]
publish = ["*/cmd_vel"]

[roles.listener]
publish = []

[topics.chatter]
max_rate = 50
"""


class Fleet:
    """The keystores of some people, one folder each."""

    def __init__(self, nuncio, folder):
        self.nuncio, self.folder = nuncio, folder
        self.port = free_port()
        self.keys = {}

    def environment(self, who):
        return {**os.environ, "NUNCIO_HOME": str(self.folder / who), "NUNCIO_DISCOVERY": "off"}

    def run(self, who, *arguments, expect=0, stdin=None, may_abort=False):
        command = [self.nuncio, *map(str, arguments)]
        environment = self.environment(who)
        done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, timeout=SECONDS_MAX)
        if done.returncode != expect and not (may_abort and done.returncode < 0):
            raise AssertionError(f"{who}: {' '.join(command[1:])} ended with {done.returncode}, not {expect}: {done.stderr}")
        return done

    def join(self, *people):
        for who in people:
            self.keys[who] = json.loads(self.run(who, "key", "show", "--json").stdout)["key"]

    def export(self, anchor, name):
        """Gives the folder of a router that the holder of the anchor's key sets up."""
        folder = self.folder / name
        exported = self.run(anchor, "trust", "export", "--zenoh", folder, "--listen", self.endpoint("127.0.0.1"))
        assert "checked by receivers only" in exported.stderr or anchor != "admin", exported.stderr
        return folder

    def certify(self, who, router, nickname=None):
        """Carries the certificates from the router's folder to who it is for."""
        folder = self.folder / who / "tls"
        folder.mkdir(exist_ok=True)
        (folder / "ca.pem").write_bytes((router / "ca.pem").read_bytes())
        (folder / "node.pem").write_bytes((router / "nodes" / f"{nickname or who}.pem").read_bytes())

    def endpoint(self, host="localhost"):
        return f"tls/{host}:{self.port}"

    def publish(self, who, topic, text, expect=0):
        message = ["--once", "--wait", "5", "--connect", self.endpoint(), topic, "std_msgs/String", f"data: {text}"]
        # Zenoh 1.10 reads and writes one TLS connection from two threads without a lock (`UnsafeCell` in its
        # zenoh-link-tls), so that a program may abort while its link is closed. It is said, and done again.
        for _ in range(3):
            done = self.run(who, "topic", "pub", *message, expect=expect, may_abort=True)
            if done.returncode >= 0:
                return done
            print(f"{who}: Zenoh's TLS link aborted the program with signal {-done.returncode}, once more", file=sys.stderr)
        raise AssertionError(f"{who}: aborted three times: {done.stderr}")

    def client(self, who):
        """A Zenoh session with the key and the certificate of somebody, that knows nothing of Nuncio."""
        home = self.folder / who
        tls = {"root_ca_certificate": str(home / "tls" / "ca.pem"), "enable_mtls": True}
        tls |= {"connect_private_key": str(home / "identity.key"), "connect_certificate": str(home / "tls" / "node.pem")}
        return self.open_client(tls)

    def open_client(self, tls):
        config = zenoh.Config()
        config.insert_json5("mode", '"client"')
        config.insert_json5("connect/endpoints", json.dumps([self.endpoint()]))
        config.insert_json5("connect/timeout_ms", "3000")
        config.insert_json5("scouting/multicast/enabled", "false")
        config.insert_json5("transport/link/tls", json.dumps(tls))
        return zenoh.open(config)


class Spy:
    """Hears all that the router lets through: data, cards, tokens, answers."""

    def __init__(self, fleet):
        self.heard = []
        self.session = fleet.client("spy")
        expressions = ["nuncio/0/t/**", "nuncio/1/t/**", "nuncio/0/@card/**", "nuncio/0/@trust/*"]
        self.subscriptions = [self.session.declare_subscriber(expression, self.hear) for expression in expressions]
        self.tokens = self.session.liveliness().declare_subscriber("nuncio/0/@node/**", self.hear, history=True)

    def hear(self, sample):
        self.heard.append(f"{sample.key_expr} {bytes(sample.payload)}")

    def ask(self, key_expr):
        for reply in self.session.get(key_expr):
            self.hear(reply.ok)

    def has_heard(self, text):
        return any(text in sample for sample in list(self.heard))

    def wait_for(self, text):
        deadline = time.monotonic() + SECONDS_MAX
        while not self.has_heard(text):
            assert time.monotonic() < deadline, f"the spy has not heard {text!r}"
            time.sleep(0.01)

    def catch_up(self, alice):
        """Waits until all that was sent before is here, or never will be."""
        marker = f"marker_{next(NUMBERS)}_"
        alice.put("nuncio/0/t/chatter", marker)
        self.wait_for(marker)

    def expect(self, text, let_through, alice):
        if let_through:
            self.wait_for(text)
        self.catch_up(alice)
        assert self.has_heard(text) == let_through, f"{text!r} was {'not ' * let_through}heard"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def router_and_spy(fleet, folder, with_rules=True):
    """A router, a spy behind it, and a session of alice, who may speak."""
    config = zenoh.Config.from_file(str(folder / "router.json5"))
    if not with_rules:
        config.insert_json5("access_control", '{"enabled": false, "default_permission": "allow"}')
    with zenoh.open(config):
        spy = Spy(fleet)
        with spy.session, fleet.client("alice") as alice:
            yield spy, alice


def hexadecimal(key):
    """A key as it stands in key expressions, from its text form: base58 of two octets that name the kind, and the key."""
    number = 0
    for character in key.removeprefix("did:key:z"):
        number = number * 58 + BASE58.index(character)
    return number.to_bytes(34, "big")[2:].hex()


def check_puts(fleet, spy, alice, rows, with_rules=True):
    """Publishes with the command line; what the spy hears has to be what the table says."""
    for who, topic, expected in rows:
        text = f"message_{next(NUMBERS)}_"
        fleet.publish(who, topic, text)
        spy.expect(text, expected == "permit" or not with_rules, alice)


def check_raw(fleet, spy, alice, with_rules=True):
    """What a client with alice's key and certificate may not do, though it speaks no Nuncio at all."""
    bob = hexadecimal(fleet.keys["bob"])
    card = f"nuncio/0/@card/{bob}/0000000000000001/bob"
    attempts = {
        "put_on_all_topics_at_once": lambda text: alice.put("nuncio/0/t/**", text),
        "put_below_a_topic": lambda text: alice.put("nuncio/0/t/chatter/more", text),
        "put_in_another_domain": lambda text: alice.put("nuncio/1/t/chatter", text),
        "card_of_another_key": lambda text: alice.put(card, text),
        "token_of_another_key": lambda text: alice.liveliness().declare_token(f"nuncio/0/@node/{bob}/1/{text}"),
        "answer_for_another_key": lambda text: alice.declare_queryable(card, lambda query: query.reply(card, text)),
    }
    for text, attempt in attempts.items():
        kept = attempt(text)
        spy.catch_up(alice)
        spy.ask(card)
        spy.expect(text, not with_rules, alice)
        del kept
    return len(attempts)


def check_closed_doors(fleet):
    """Those whom the router does not even let in; no rules are needed for that. Gives how many there are."""
    text = "through a closed door"
    missing = fleet.publish("mallory", "/chatter", text, expect=2).stderr
    assert "tls/ca.pem" in missing and "nuncio trust export --zenoh" in missing, missing
    fleet.publish("eve", "/chatter", text, expect=2)
    with_nothing = {"root_ca_certificate": str(fleet.folder / "mallory" / "ca.pem")}
    with_stolen = with_nothing | {
        "enable_mtls": True,
        "connect_private_key": str(fleet.folder / "mallory" / "identity.key"),
        "connect_certificate": str(fleet.folder / "alice" / "tls" / "node.pem"),
    }
    for tls in [with_nothing, with_stolen]:
        with contextlib.suppress(zenoh.ZError), fleet.open_client(tls) as session:
            # TLS 1.3 tells the client only after it has taken itself for connected.
            session.put("nuncio/0/t/chatter", text)
    return 4


def check_table(fleet, rows):
    """What the router does has to be what the policy says."""
    table = "".join(f"{fleet.keys[who]}  publish  {topic}  {expected}\n" for who, topic, expected in rows)
    fleet.run("admin", "trust", "test", "-", stdin=table)


def main():
    zenoh.init_log_from_env_or("warn")
    with tempfile.TemporaryDirectory() as folder:
        prove(Fleet(sys.argv[1], pathlib.Path(folder)))


def prove(fleet):
    fleet.join("alice", "bob", "carol", "dave", "eve", "mallory", "spy")
    fleet.run("admin", "trust", "init")
    fleet.run("eve", "trust", "init")
    trust_file = fleet.folder / "admin" / "trust.toml"
    trust_file.write_text(trust_file.read_text() + ROLES)
    for who, role, scope in [
        ("alice", "talker", "**"),
        ("bob", "driver", "robot1/**"),
        ("carol", "talker", "**"),
        ("dave", "talker", "**"),
        ("spy", "listener", "**"),
    ]:
        fleet.run("admin", "trust", "add", fleet.keys[who], "--name", who, "--role", role, "--scope", scope)

    # dave has a certificate of the authority, and no role any more.
    fleet.certify("dave", fleet.export("admin", "first_router"))
    fleet.run("admin", "trust", "remove", "dave")
    router_files = fleet.export("admin", "router")
    for who in ["alice", "bob", "carol", "spy"]:
        fleet.certify(who, router_files)
    (fleet.folder / "bob" / "trust.toml").write_text(fleet.run("admin", "trust", "export").stdout)
    (fleet.folder / "mallory" / "ca.pem").write_bytes((router_files / "ca.pem").read_bytes())
    # eve certifies herself, and knows the authority of the router.
    eve_files = fleet.export("eve", "eve_router")
    eve_nickname = next(path.stem for path in (eve_files / "nodes").iterdir())
    fleet.certify("eve", eve_files, eve_nickname)
    (fleet.folder / "eve" / "tls" / "ca.pem").write_bytes((router_files / "ca.pem").read_bytes())

    rows = [
        ("alice", "/chatter", "permit"),
        ("alice", "/robot1/status", "permit"),
        ("alice", "/robot1/cmd_vel", "refuse"),
        ("bob", "/robot1/cmd_vel", "permit"),
        ("bob", "/robot2/cmd_vel", "refuse"),
        ("bob", "/chatter", "refuse"),
        ("carol", "/chatter", "permit"),
        ("dave", "/chatter", "refuse"),
        ("spy", "/chatter", "refuse"),
    ]
    closed = [("eve", "/chatter", "refuse"), ("mallory", "/chatter", "refuse")]
    check_table(fleet, rows + closed)

    with router_and_spy(fleet, router_files) as (spy, alice):
        check_puts(fleet, spy, alice, rows)
        raw = check_raw(fleet, spy, alice)
        strangers = check_closed_doors(fleet)
        spy.expect("through a closed door", False, alice)
        check_echo(fleet)

    fleet.run("admin", "key", "revoke", fleet.keys["carol"], "--timeout", "0.1")
    revoked = [(who, topic, "refuse" if who == "carol" else expected) for who, topic, expected in rows]
    check_table(fleet, revoked)
    with router_and_spy(fleet, fleet.export("admin", "router")) as (spy, alice):
        check_puts(fleet, spy, alice, revoked)
    with router_and_spy(fleet, router_files, with_rules=False) as (spy, alice):
        check_puts(fleet, spy, alice, revoked, with_rules=False)
        check_raw(fleet, spy, alice, with_rules=False)

    refused = sum(expected == "refuse" for _, _, expected in revoked)
    print(f"a Zenoh router refused {refused} of {len(rows)} publishers, as the policy says, {raw} forgeries and {strangers} strangers")


def check_echo(fleet):
    """From node to node through the router, in mode enforce on both sides."""
    talk = ["topic", "pub", "--rate", "5", "--connect", fleet.endpoint(), "/chatter", "std_msgs/String", "data: hello bob"]
    listen = ["topic", "echo", "--once", "--json", "--timeout", "20", "--connect", fleet.endpoint(), "/chatter"]
    talker = subprocess.Popen([fleet.nuncio, *talk], env=fleet.environment("alice"), stderr=subprocess.DEVNULL)
    try:
        heard = fleet.run("bob", *listen).stdout
    finally:
        talker.kill()
        talker.wait()
    assert "hello bob" in heard and fleet.keys["alice"] in heard, heard


main()
