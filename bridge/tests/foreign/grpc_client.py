"""Uses the gRPC face of `nuncio bridge` as a program in Python does that has no generated code.

Usage: python3 grpc_client.py PATH_OF_NUNCIO
Needs from PyPI: `grpcio` and `grpcio-reflection`.

Everything that the client knows it has asked the server for: the service by reflection, the types of topics by GetType. It
hears what `nuncio topic pub` signs, and `nuncio topic echo` hears, verified, what it publishes.
"""

import contextlib
import json
import os
import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time

try:
    import grpc
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.json_format import MessageToDict
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
except ImportError as missing:
    sys.exit(f"expected the Python packages grpcio and grpcio-reflection, found {missing}: pip install grpcio grpcio-reflection")

SECONDS_MAX = 30
TOKEN = "a-token-for-this-test-only"


class Program:
    """A `nuncio` that runs until it is killed, and the lines that it writes."""

    def __init__(self, nuncio, home, arguments, stream="stderr"):
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: subprocess.PIPE}
        environment = {**os.environ, "NUNCIO_HOME": str(home), "NUNCIO_DISCOVERY": "off"}
        self.process = subprocess.Popen([nuncio, *map(str, arguments)], env=environment, text=True, **pipes)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, args=[getattr(self.process, stream)], daemon=True).start()

    def read(self, stream):
        for line in stream:
            self.lines.put(line)

    def line(self, wanted):
        """The first line that has the wanted words."""
        seen = []
        while True:
            try:
                line = self.lines.get(timeout=SECONDS_MAX)
            except queue.Empty:
                raise AssertionError(f"expected a line with {wanted!r}, found {seen}") from None
            seen.append(line)
            if wanted in line:
                return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Bridge:
    """The service, from reflection alone."""

    def __init__(self, address, token=None):
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        options = [("grpc.max_receive_message_length", 64 << 20)]
        self.channel = grpc.insecure_channel(address, options=options)
        reflected = grpc.intercept_channel(self.channel, Bearing(self.metadata))
        database = ProtoReflectionDescriptorDatabase(reflected)
        assert "nuncio.bridge.v1.Bridge" in database.get_services(), database.get_services()
        self.pool = descriptor_pool.DescriptorPool(database)
        self.service = self.pool.FindServiceByName("nuncio.bridge.v1.Bridge")

    def message(self, kind, /, **fields):
        described = self.pool.FindMessageTypeByName(f"nuncio.bridge.v1.{kind}")
        return message_factory.GetMessageClass(described)(**fields)

    def call(self, method, request, timeout=SECONDS_MAX):
        described = self.service.methods_by_name[method]
        answer = message_factory.GetMessageClass(described.output_type)
        shape = ("stream_" if described.client_streaming else "unary_") + ("stream" if described.server_streaming else "unary")
        stub = getattr(self.channel, shape)(
            f"/nuncio.bridge.v1.Bridge/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return stub(request, metadata=self.metadata, timeout=timeout)

    def refused(self, method, request, code):
        try:
            answer = self.call(method, request)
            answer = list(answer) if hasattr(answer, "__next__") else answer
        except grpc.RpcError as error:
            assert error.code() == code, f"expected {code}, found {error.code()}: {error.details()}"
            return error.details()
        raise AssertionError(f"expected {method} to be refused with {code}, found {answer}")


class Bearing(grpc.StreamStreamClientInterceptor):
    """Adds the token to the requests of reflection."""

    def __init__(self, metadata):
        self.metadata = metadata

    def intercept_stream_stream(self, continuation, details, requests):
        return continuation(details._replace(metadata=self.metadata), requests)


def main():
    nuncio = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        prove(nuncio, pathlib.Path(folder), running)


def prove(nuncio, folder, running):
    bridge_home, robot_home = folder / "bridge", folder / "robot"
    # A port that the system gives out now is free a moment later.
    endpoint = f"tcp/127.0.0.1:{free_port()}"

    def bridge(*arguments):
        listening = ["--listen", endpoint]
        program = running.enter_context(Program(nuncio, bridge_home, ["bridge", "grpc", "--port", "0", *arguments, *listening]))
        return re.search(r"grpc https?://(\S+:\d+)", program.line("ready")).group(1)

    address = bridge("--allow", "/**")
    client = Bridge(address)
    hear(nuncio, robot_home, endpoint, client, running)
    speak(nuncio, robot_home, endpoint, client, running)
    bad_input(client)
    running.close()

    token_file = folder / "token"
    token_file.write_text(TOKEN)
    address = bridge("--allow-out", "/public/**", "--token-file", token_file)
    roles(address)
    running.close()
    print("a Python client without generated code heard and spoke through the bridge, and was refused what it may not")


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def hear(nuncio, home, endpoint, client, running):
    """What `topic pub` signs comes in JSON, protobuf and CDR, with its signer."""
    twist = "{linear: {x: 0.25}, angular: {z: -1.5}}"
    talk = ["topic", "pub", "--rate", "50", "--connect", endpoint, "/cmd_vel", "geometry_msgs/Twist", twist]
    running.enter_context(Program(nuncio, home, talk))
    events = client.call("Subscribe", client.message("SubscribeRequest", topics=["/cmd_vel"], encoding=1, queue=500))
    assert next(events).joined.topic == "/cmd_vel"
    message = message_of(events)
    said = {"linear": {"x": 0.25, "y": 0.0, "z": 0.0}, "angular": {"x": 0.0, "y": 0.0, "z": -1.5}}
    assert json.loads(message.payload.json) == said, message
    signer = subprocess.run(
        [nuncio, "key", "show", "--json"], env={**os.environ, "NUNCIO_HOME": str(home)}, capture_output=True, text=True, check=True
    )
    assert message.info.signer == json.loads(signer.stdout)["key"], message
    assert message.info.number > 0 and message.info.source_time.seconds > 1_700_000_000, message
    events.cancel()

    topology = client.call("ListTopology", client.message("ListTopologyRequest"))
    topic = next(topic for topic in topology.topics if topic.name == "/cmd_vel")
    assert topic.types[0].name == "geometry_msgs/msg/Twist" and topic.publishers[0].key == message.info.signer, topic

    described = client.call("GetType", client.message("GetTypeRequest", topic="/cmd_vel"))
    assert "Vector3  linear" in described.ros2msg or "Vector3 linear" in described.ros2msg, described.ros2msg
    twist_class = class_of(described)
    events = client.call("Subscribe", client.message("SubscribeRequest", topics=["/cmd_vel"], encoding=2, queue=500))
    assert next(events).joined.topic == "/cmd_vel"
    in_protobuf = twist_class.FromString(message_of(events).payload.protobuf)
    assert MessageToDict(in_protobuf) == {"linear": {"x": 0.25}, "angular": {"z": -1.5}}, in_protobuf
    events.cancel()
    events = client.call("Subscribe", client.message("SubscribeRequest", topics=["/cmd_$*"], encoding=3, queue=500, filter="linear.x > 0.2"))
    assert next(events).joined.topic == "/cmd_vel"
    cdr = message_of(events).payload.cdr
    assert cdr[:4] == b"\0\1\0\0" and len(cdr) == 4 + 6 * 8, cdr
    events.cancel()


def message_of(events):
    event = next(events)
    assert event.WhichOneof("event") == "message", event
    return event.message


def until(condition):
    """Waits until something is so that nobody tells of."""
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "it was never so"
        time.sleep(0.02)


def class_of(described):
    """A message class of a type, from what the bridge tells of it."""
    files = descriptor_pb2.FileDescriptorSet.FromString(described.file_descriptor_set)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(described.proto_message))


def speak(nuncio, home, endpoint, client, running):
    """What the client publishes is heard, verified, by `topic echo`, with its origin."""
    listen = ["topic", "echo", "--json", "--connect", endpoint, "/pose"]
    echo = running.enter_context(Program(nuncio, home, listen, stream="stdout"))
    described = client.call("GetType", client.message("GetTypeRequest", name="geometry_msgs/Point"))
    point = class_of(described)(x=1.5, y=-2)
    payloads = [
        client.message("Payload", protobuf=point.SerializeToString()),
        client.message("Payload", json='{"x": 1.5, "y": -2}'),
    ]
    waited = client.message("Acknowledge")
    waited.timeout.FromSeconds(5)
    until(lambda: any(topic.name == "/pose" for topic in client.call("ListTopology", client.message("ListTopologyRequest")).topics))
    request = client.message("PublishRequest", topic="/pose", type="geometry_msgs/Point", payload=payloads[0], acknowledge=waited)
    published = client.call("Publish", request)
    assert published.accepted_by_all and len(published.readers) == 1, published
    heard = json.loads(echo.line('"x":1.5'))
    assert '"y":-2.0' in json.dumps(heard, separators=(",", ":")), heard
    topology = client.call("ListTopology", client.message("ListTopologyRequest"))
    assert topology.bridge_key in json.dumps(heard) and '"grpc:127.0.0.1:' in json.dumps(heard), heard

    stream = (client.message("PublishRequest", topic="/pose", type="geometry_msgs/Point", payload=payloads[1]) for _ in range(10))
    summary = client.call("PublishStream", stream)
    assert summary.published == 10, summary
    for _ in range(10):
        echo.line('"x":1.5')
    stats = client.call("GetStats", client.message("GetStatsRequest"))
    own = next(one for one in stats.clients if one.is_caller)
    assert own.received >= 11 and own.face == "grpc", own
    assert next(client.call("WatchStats", client.message("WatchStatsRequest"))).node == stats.node


def bad_input(client):
    """Each wrong request is answered with the code that says so, and in words."""
    publish = lambda topic, kind, **payload: client.message(
        "PublishRequest", topic=topic, type=kind, payload=client.message("Payload", **payload)
    )
    wrong = [
        (publish("/pose", "geometry_msgs/Point", json="{"), grpc.StatusCode.INVALID_ARGUMENT),
        (publish("/pose", "geometry_msgs/Point", json='{"w": 1}'), grpc.StatusCode.INVALID_ARGUMENT),
        (publish("/pose", "geometry_msgs/Point", protobuf=b"\x09\0"), grpc.StatusCode.INVALID_ARGUMENT),
        (publish("/pose", "geometry_msgs/Point", cdr=b"\0\1\0\0\xff"), grpc.StatusCode.INVALID_ARGUMENT),
        (publish("/pose", "geometry_msgs/Twist", json="{}"), grpc.StatusCode.INVALID_ARGUMENT),
        (publish("/new", "no_such/Type", json="{}"), grpc.StatusCode.NOT_FOUND),
    ]
    for request, code in wrong:
        assert len(client.refused("Publish", request, code)) > 10
    client.refused("Call", client.message("CallRequest", service="/nobody", request=client.message("Payload", json="{}")), grpc.StatusCode.NOT_FOUND)
    client.refused("Subscribe", client.message("SubscribeRequest", topics=["/cmd_vel"], filter="(("), grpc.StatusCode.INVALID_ARGUMENT)
    client.refused("GetType", client.message("GetTypeRequest", name="no_such/Type"), grpc.StatusCode.NOT_FOUND)


def roles(address):
    """Without the token nothing is told; with it, only what the routes let through."""
    client = Bridge(address, TOKEN)
    for token in [None, "a-token-that-is-not-known"]:
        client.metadata = [("authorization", f"Bearer {token}")] if token else []
        told = client.refused("ListTopology", client.message("ListTopologyRequest"), grpc.StatusCode.UNAUTHENTICATED)
        assert "authorization: Bearer" in told, told
    client.metadata = [("authorization", f"Bearer {TOKEN}")]
    client.call("ListTopology", client.message("ListTopologyRequest"))
    client.refused("Subscribe", client.message("SubscribeRequest", topics=["/secret"]), grpc.StatusCode.PERMISSION_DENIED)
    payload = client.message("Payload", json='{"data": "x"}')
    request = client.message("PublishRequest", topic="/public/chatter", type="std_msgs/String", payload=payload)
    client.refused("Publish", request, grpc.StatusCode.PERMISSION_DENIED)


main()
