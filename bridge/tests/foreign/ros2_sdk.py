"""Talks to `nuncio bridge ros2` as nodes of ROS 2 do, through an independent implementation of rmw_zenoh's wire.

Usage: python3 ros2_sdk.py PATH_OF_NUNCIO
Needs from PyPI: `zenoh-ros2-sdk` (publisher, subscriber, services, and a command line for the graph of ROS), `eclipse-zenoh`
(the router, and a spy that looks at keys, tokens and attachments), and `xxhash` for the ids of endpoints.

Bridges, `nuncio topic pub` and `nuncio topic echo` are processes of their own at one router. Everything has a deadline.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

try:
    import xxhash
    import zenoh
    import zenoh_ros2_sdk as sdk
except ImportError as missing:
    sys.exit(f"expected {missing.name}, found none: pip install zenoh-ros2-sdk eclipse-zenoh xxhash")

SECONDS_MAX = 40
STRING = "std_msgs::msg::dds_::String_"
STRING_HASH = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
OF_STRING = {"msg_type": "std_msgs/msg/String", "msg_definition": "string data\n"}
OF_ADDING = {
    "srv_type": "example_interfaces/srv/AddTwoInts",
    "request_definition": "int64 a\nint64 b\n",
    "response_definition": "int64 sum\n",
    "type_hash": "RIHS01_e118de6bf5eeb66a2491b5bda11202e7b68f198d6f67922cf30364858239c81a",
}
WRONG_HASH = "RIHS01_" + "00" * 31 + "01"
OTHER_DOMAIN = 5
THIRD_DOMAIN = 7


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, check):
    """The first true answer of `check`."""
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {SECONDS_MAX} s")


class Nuncio:
    """Processes of Nuncio at one router, one keystore for each name."""

    def __init__(self, path, folder, port):
        self.path, self.folder, self.port = path, folder, port
        self.endpoint = f"tcp/127.0.0.1:{port}"
        self.running = []

    def start(self, *arguments, home="user"):
        environment = {**os.environ, "NUNCIO_HOME": str(self.folder / home), "NUNCIO_DISCOVERY": "off"}
        command = [self.path, *map(str, arguments), "--connect", self.endpoint]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.out, process.talk = [], []
        for lines, stream in ((process.out, process.stdout), (process.talk, process.stderr)):
            threading.Thread(target=lines.extend, args=(stream,), daemon=True).start()
        self.running.append(process)
        return process

    def bridge(self, domain, home, proof="side-key"):
        bridge = self.start("bridge", "ros2", "--ros-domain", domain, "--allow", "/**", "--proof", proof, "--json", home=home)
        wait_for("the bridge is ready", lambda: any(line.startswith("ready") for line in bridge.talk))
        return bridge

    def stop(self):
        for process in self.running:
            process.send_signal(signal.SIGINT)
        for process in self.running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def objects(process):
    """What a process has said as JSON."""
    found = []
    for line in list(process.out):
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


class Spy:
    """A session that sees what is on the wire of ROS."""

    def __init__(self, port):
        config = zenoh.Config()
        config.insert_json5("mode", '"peer"')
        config.insert_json5("connect/endpoints", f'["tcp/127.0.0.1:{port}"]')
        config.insert_json5("scouting/multicast/enabled", "false")
        self.session = zenoh.open(config)
        self.tokens, self.samples = set(), []
        self.watching = self.session.liveliness().declare_subscriber("@ros2_lv/**", self.saw_token, history=True)
        self.hearing = self.session.declare_subscriber("0/**", self.samples.append)
        self.proofs = []
        self.hearing_proofs = self.session.declare_subscriber("0/**/@nuncio", self.proofs.append)

    def saw_token(self, sample):
        change = self.tokens.add if sample.kind == zenoh.SampleKind.PUT else self.tokens.discard
        change(str(sample.key_expr))

    def token(self, *parts):
        def find():
            return next((token for token in list(self.tokens) if all(part in token for part in parts)), None)
        return wait_for(f"a token with {parts}", find)

    def sample(self, key):
        def find():
            return next((sample for sample in list(self.samples) if str(sample.key_expr) == key), None)
        return wait_for(f"a message on {key}", find)


def gid(token):
    return xxhash.xxh3_128(token.encode()).intdigest().to_bytes(16, "little")


def cdr(text):
    data = text.encode() + b"\0"
    return b"\0\1\0\0" + len(data).to_bytes(4, "little") + data


def ros_command(port, *arguments, expect):
    """Calls the command line of the SDK, which works as `ros2` does. Its one early look may miss what is there."""
    command = pathlib.Path(sys.executable).parent / "zenoh-ros2"
    asked = [command, "--no-daemon", "--router", f"127.0.0.1:{port}", "--timeout", "2", *arguments]

    def shows():
        shown = subprocess.run(asked, capture_output=True, text=True, timeout=SECONDS_MAX).stdout
        return all(part in shown for part in expect)

    wait_for(f"{' '.join(arguments)} shows {expect}", shows)


def topic_of_nuncio(nuncio, spy, _):
    """A topic of Nuncio: its bytes on the wire, what the SDK hears, and what the graph of ROS says."""
    heard = []
    subscriber = sdk.ROS2Subscriber("/chatter", callback=heard.append, node_name="py_listener", router_port=nuncio.port,
                                    type_hash=STRING_HASH, **OF_STRING)
    nuncio.start("topic", "pub", "/chatter", "std_msgs/msg/String", "{data: hello}", "--rate", 10)
    token = spy.token("/MP/", "/%chatter/")
    assert token.split("/")[9:12] == ["%chatter", STRING, STRING_HASH], token
    wait_for("the SDK hears Nuncio", lambda: heard)
    assert heard[0].data == "hello", heard[0]
    sample = spy.sample(f"0/chatter/{STRING}/{STRING_HASH}")
    assert sample.payload.to_bytes() == cdr("hello"), sample.payload.to_bytes().hex()
    attachment = sample.attachment.to_bytes()
    assert len(attachment) == 33 and attachment[16] == 16, attachment.hex()
    assert attachment[17:] == gid(token), (attachment.hex(), token)
    ros_command(nuncio.port, "topic", "list", "-t", expect=["/chatter [std_msgs/msg/String]"])
    expected = ["Publisher count: 1", "std_msgs/msg/String", token.split("/")[8]]
    ros_command(nuncio.port, "topic", "info", "-v", "/chatter", expect=expected)
    subscriber.close()


def latched_topic_of_nuncio(nuncio, spy, _):
    """A latched topic of Nuncio: whoever comes late gets its last message."""
    nuncio.start("topic", "pub", "/map_name", "std_msgs/msg/String", "{data: office}", "--once", "--keep-alive", 60,
                 "--qos-durability", "transient_local", "--qos-depth", 1)
    token = spy.token("/MP/", "/%map_name/")
    assert token.split("/")[12].startswith(":1:,1:"), token
    heard = []
    subscriber = zenoh.ext.declare_advanced_subscriber(
        spy.session, f"0/map_name/{STRING}/{STRING_HASH}", heard.append,
        history=zenoh.ext.HistoryConfig(detect_late_publishers=True, max_samples=1))
    wait_for("the latched message", lambda: heard)
    assert heard[0].payload.to_bytes() == cdr("office")
    assert len(heard[0].attachment.to_bytes()) == 33
    subscriber.undeclare()


def echo_of_ros(nuncio, topic, domain, *arguments):
    """Reads a topic of ROS as somebody without a link to Nuncio, with a keystore of their own."""
    return nuncio.start("topic", "echo", topic, "--ros2", nuncio.endpoint, "--ros-domain", domain, "--json", *arguments,
                        home="reader")


def proof_beside_a_topic(nuncio, spy, _):
    """Signed topics that ROS can read: only what their signer has signed is shown, whatever others put there."""
    key = f"0/signed/{STRING}/{STRING_HASH}"
    talker = nuncio.start("topic", "pub", "/signed", "std_msgs/msg/String", "{data: genuine}", "--rate", 10)
    echo = echo_of_ros(nuncio, "/signed", 0)
    shown = wait_for("a signed message", lambda: objects(echo))[0]
    assert shown["message"] == {"data": "genuine"} and shown["verified"] and shown["provenance"] == "live", shown
    sample = spy.sample(key)
    record = wait_for("its proof", lambda: next((proof for proof in list(spy.proofs) if str(proof.key_expr) == f"{key}/@nuncio"
                                                 and proof.payload.to_bytes()[5:21] == sample.attachment.to_bytes()[17:]), None))
    assert record.payload.to_bytes()[:5] == b"NuP\1\1", record.payload.to_bytes().hex()

    publisher = sdk.ROS2Publisher("/signed", node_name="py_liar", router_port=nuncio.port, type_hash=STRING_HASH, **OF_STRING)
    publisher.publish(data="unsigned")
    spy.session.put(key, cdr("altered"), attachment=sample.attachment.to_bytes())
    spy.session.put(f"{key}/@nuncio", record.payload.to_bytes())
    spy.session.put(key, sample.payload.to_bytes(), attachment=sample.attachment.to_bytes())
    for reason in ("NotAFrame", "TooOld"):
        wait_for(f"the refusal {reason}", lambda: any(f"refused, {reason}" in line for line in echo.talk))
    talker.send_signal(signal.SIGINT)
    echo.send_signal(signal.SIGINT)
    assert echo.wait(timeout=SECONDS_MAX) == 3, echo.talk
    assert all(found["message"] == {"data": "genuine"} for found in objects(echo)), echo.out
    publisher.close()


def proof_behind_the_attachment(nuncio, *_):
    """The same behind the attachments, which readers of ROS do not look at."""
    bridge = nuncio.bridge(THIRD_DOMAIN, "third_bridge", proof="attachment")
    heard = []
    subscriber = sdk.ROS2Subscriber("/signed_too", callback=heard.append, node_name="py_third", router_port=nuncio.port,
                                    type_hash=STRING_HASH, domain_id=THIRD_DOMAIN, **OF_STRING)
    nuncio.start("topic", "pub", "/signed_too", "std_msgs/msg/String", "{data: genuine}", "--rate", 10)
    wait_for("the SDK hears Nuncio", lambda: heard)
    assert heard[0].data == "genuine", heard[0]
    echo = echo_of_ros(nuncio, "/signed_too", THIRD_DOMAIN, "--once", "--timeout", SECONDS_MAX)
    assert echo.wait(timeout=SECONDS_MAX) == 0, echo.talk
    assert objects(echo)[0]["message"] == {"data": "genuine"}, echo.out
    subscriber.close()
    bridge.send_signal(signal.SIGINT)


def topic_of_ros(nuncio, spy, _):
    """A topic of ROS: signed by the bridge, on behalf of the node."""
    echo = nuncio.start("topic", "echo", "/from_ros", "--json")
    publisher = sdk.ROS2Publisher("/from_ros", node_name="py_talker", router_port=nuncio.port, type_hash=STRING_HASH,
                                  **OF_STRING)
    spy.token("/MS/", "/%from_ros/", "/nuncio_bridge_")

    def heard():
        publisher.publish(data="hello from Python")
        time.sleep(0.1)
        return [found for found in objects(echo) if "hello from Python" in json.dumps(found)]

    message = wait_for("Nuncio hears the SDK", heard)[0]
    assert "ros2:/py_talker" in json.dumps(message), message
    publisher.close()


def service_of_ros(nuncio, spy, _):
    """A server of ROS: called by Nuncio, and by a node of another domain, through Nuncio and a second bridge."""
    def add(request):
        return server.response_msg_class(sum=request.a + request.b)

    server = sdk.ROS2ServiceServer("/py_add", callback=add, node_name="py_adder", router_port=nuncio.port, **OF_ADDING)
    spy.token("@ros2_lv/0/", "/SC/", "/%py_add/", "/nuncio_bridge_")
    called = nuncio.start("service", "call", "/py_add", "{a: 40, b: 2}", "--json")
    assert called.wait(timeout=SECONDS_MAX) == 0, called.talk
    wait_for("the response", lambda: '"sum":42' in "".join(called.out).replace(" ", ""))

    nuncio.bridge(OTHER_DOMAIN, "other_bridge")
    spy.token(f"@ros2_lv/{OTHER_DOMAIN}/", "/SS/", "/%py_add/")
    client = sdk.ROS2ServiceClient("/py_add", node_name="py_caller", router_port=nuncio.port, domain_id=OTHER_DOMAIN, **OF_ADDING)
    response = client.call(a=1, b=2)
    assert response is not None and response.sum == 3, response
    client.close()
    server.close()


def wrong_hash(nuncio, _, bridge):
    """A node of ROS with another version of a type is named."""
    publisher = sdk.ROS2Publisher("/chatter", node_name="py_old", router_port=nuncio.port, type_hash=WRONG_HASH, **OF_STRING)
    told = wait_for("the status", lambda: [found for found in objects(bridge) if found.get("event") == "other_type"])[0]
    assert told["node"] == "/py_old" and WRONG_HASH in told["found"], told
    assert STRING_HASH in told["expected"][0], told
    publisher.close()


def main(path):
    port = free_port()
    config = zenoh.Config()
    config.insert_json5("mode", '"router"')
    config.insert_json5("listen/endpoints", f'["tcp/127.0.0.1:{port}"]')
    config.insert_json5("scouting/multicast/enabled", "false")
    router = zenoh.open(config)
    with tempfile.TemporaryDirectory() as folder:
        nuncio = Nuncio(path, pathlib.Path(folder), port)
        try:
            bridge = nuncio.bridge(0, "bridge")
            spy = Spy(port)
            spy.token("/NN/", "/nuncio_bridge_")
            parts = (topic_of_nuncio, latched_topic_of_nuncio, proof_beside_a_topic, proof_behind_the_attachment, topic_of_ros,
                     service_of_ros, wrong_hash)
            for part in parts:
                part(nuncio, spy, bridge)
                print(f"{part.__doc__.splitlines()[0]} Right.", flush=True)
            spy.session.close()
        except BaseException:
            for process in nuncio.running:
                print(" ".join(process.args[1:]), process.talk[-20:], process.out[-20:], sep="\n", file=sys.stderr)
            raise
        finally:
            nuncio.stop()
    router.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
