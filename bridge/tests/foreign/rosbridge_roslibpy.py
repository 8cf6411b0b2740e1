"""Talks to `nuncio bridge rosbridge` with roslibpy, as it comes from PyPI.

Usage: python3 rosbridge_roslibpy.py PATH_OF_NUNCIO
Needs from PyPI: `roslibpy`.

Each way is looked at from the other side: what roslibpy publishes, serves and calls is heard, called and served by `nuncio` in
processes of its own.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

try:
    import roslibpy
except ImportError:
    sys.exit("expected the Python package roslibpy, found none: pip install roslibpy")

SECONDS_MAX = 60


class Site:
    """A bridge, and `nuncio` beside it."""

    def __init__(self, nuncio, home, stack):
        self.nuncio, self.stack = nuncio, stack
        self.environment = {**os.environ, "NUNCIO_HOME": home, "NUNCIO_DISCOVERY": "off"}
        self.endpoint = f"tcp/127.0.0.1:{free_port()}"
        command = ["bridge", "rosbridge", "--port", "0", "--name", "/border", "--allow", "/**", "--listen", self.endpoint, "--json"]
        self.bridge = self.start(*command)
        ready = json.loads(self.bridge.stdout.readline())
        self.port = int(ready["faces"][0]["address"].rsplit(":", 1)[1])

    def start(self, *arguments):
        process = subprocess.Popen(
            [self.nuncio, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def beside(self, *arguments):
        return self.start(*arguments, "--connect", self.endpoint)

    def answer(self, *arguments):
        """What a command prints as JSON when it has ended."""
        command = [self.nuncio, *arguments, "--connect", self.endpoint, "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=SECONDS_MAX)
        expect(done.returncode == 0, f"{arguments} to succeed", done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def client(self):
        client = roslibpy.Ros("127.0.0.1", self.port)
        client.run(timeout=SECONDS_MAX)
        return client


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def expect(is_so, what, found):
    if not is_so:
        sys.exit(f"expected {what}, found {found}")


def until(asked, what):
    """Asks again until there is an answer."""
    end = time.monotonic() + SECONDS_MAX
    while not (found := asked()):
        expect(time.monotonic() < end, what, "nothing in time")
        time.sleep(0.1)
    return found


class Heard:
    """What a callback was called with."""

    def __init__(self):
        self.items, self.arrived = [], threading.Condition()

    def __call__(self, item):
        with self.arrived:
            self.items.append(item)
            self.arrived.notify_all()

    def wait(self, what, wanted=lambda item: True):
        with self.arrived:
            found = lambda: [item for item in self.items if wanted(item)]
            expect(self.arrived.wait_for(found, SECONDS_MAX), what, self.items)
            return found()[0]


def check_topics(site, client):
    site.beside("topic", "pub", "/chatter", "std_msgs/msg/String", "{data: from nuncio}", "--rate", "20")
    heard = Heard()
    topic = roslibpy.Topic(client, "/chatter", "std_msgs/msg/String", throttle_rate=10, queue_length=3)
    topic.subscribe(heard)
    message = heard.wait("a message of a Nuncio node")
    expect(dict(message) == {"data": "from nuncio"}, "the message as it was published", message)
    topic.unsubscribe()

    topic = roslibpy.Topic(client, "/from_roslibpy", "geometry_msgs/PointStamped", latch=True)
    topic.advertise()
    topic.publish(roslibpy.Message({"header": {"frame_id": "map"}, "point": {"x": 1.5}}))
    echoed = site.answer("topic", "echo", "/from_roslibpy", "--once")[0]
    expect(echoed["message"]["point"] == {"x": 1.5, "y": 0.0, "z": 0.0}, "the message, with defaults", echoed)
    expect(echoed["message"]["header"]["stamp"]["sec"] > 1_600_000_000, "a stamp that was filled in", echoed)
    expect("rosbridge:127.0.0.1:" in json.dumps(echoed), "on whose behalf it was published", echoed)
    topic.unadvertise()


def check_services(site, client):
    def add(request, response):
        response["sum"] = request["a"] + request["b"]
        return True

    service = roslibpy.Service(client, "/add", "example_interfaces/srv/AddTwoInts")
    service.advertise(add)
    found = site.answer("service", "call", "/add", "example_interfaces/srv/AddTwoInts", "{a: 40, b: 2}")[0]
    expect('"sum": 42' in json.dumps(found), "the sum that roslibpy has made", found)

    other = site.client()
    caller = roslibpy.Service(other, "/add", "example_interfaces/srv/AddTwoInts")
    found = caller.call(roslibpy.ServiceRequest({"a": 4, "b": 5}), timeout=SECONDS_MAX)
    expect(found["sum"] == 9, "one client to call what another one serves", found)
    service.unadvertise()
    failed = Heard()
    roslibpy.Service(client, "/nowhere", "std_srvs/srv/Trigger").call(roslibpy.ServiceRequest(), print, failed)
    expect("/nowhere" in str(failed.wait("a call to nobody to fail")), "a reason", failed.items)
    other.close()


def check_actions(site, client):
    name, of_type = "/fibonacci", "example_interfaces/action/Fibonacci"
    server = site.client()

    def pursue(asked):
        about = {"action": name, "id": asked["id"]}
        sequence = {"sequence": [0, 1, asked["args"]["order"]]}
        server.send_on_ready(roslibpy.Message({"op": "action_feedback", "values": {"sequence": [0]}, **about}))
        ended = {"op": "action_result", "values": sequence, "status": 4, "result": True, **about}
        server.send_on_ready(roslibpy.Message(ended))

    # roslibpy has clients of actions only: the other end is made of what it sends frames with.
    server.factory.on_ready(lambda protocol: protocol._message_handlers.update(send_action_goal=pursue))
    server.send_on_ready(roslibpy.Message({"op": "advertise_action", "action": name, "type": of_type}))
    listing = roslibpy.Service(client, "/rosapi/action_servers", "rosapi/GetActionServers")
    until(lambda: name in listing.call(roslibpy.ServiceRequest())["action_servers"], "the action in the list")
    results, feedback, failures = Heard(), Heard(), Heard()
    roslibpy.ActionClient(client, name, of_type).send_goal(roslibpy.Goal({"order": 3}), results, feedback, failures)
    result = results.wait(f"a result of the goal, {failures.items}")
    expect(result["values"] == {"sequence": [0, 1, 3]}, "the result of the other end", result)
    expect(result["status"] == roslibpy.GoalStatus.SUCCEEDED, "a goal that has succeeded", result)
    expect([dict(item) for item in feedback.items] == [{"sequence": [0]}], "its feedback", feedback.items)
    server.close()


def check_rosapi(site, client):
    topics = until(lambda: [name for name in client.get_topics() if name == "/chatter"], "/chatter in the list")
    expect(topics == ["/chatter"], "the topic once", topics)
    expect(client.get_topic_type("/chatter") == "std_msgs/msg/String", "its type", client.get_topic_type("/chatter"))
    details = client.get_message_details("geometry_msgs/msg/Twist")
    expect(details["typedefs"][0]["fieldnames"] == ["linear", "angular"], "the fields of a Twist", details)
    expect(client.get_time()["secs"] > 1_600_000_000, "the time", client.get_time())
    nodes = client.get_nodes()
    expect(len(nodes) >= 1, "the node that publishes", nodes)
    expect(isinstance(client.get_params(), list), "a list of parameters", client.get_params())


def check_parameters(site, client):
    # Another bridge, which serves nobody: a node with parameters.
    site.beside("bridge", "foxglove", "--port", "0", "--name", "/robot")
    name = "/robot:use_sim_time"
    until(lambda: name in client.get_params(), "the parameter in the list")
    parameter = roslibpy.Param(client, name)
    expect(parameter.get() is False, "the value of the parameter", parameter.get())
    parameter.set(True)
    expect(parameter.get() is True, "the value that was set", parameter.get())
    told = site.answer("param", "get", "/robot", "use_sim_time")
    expect("true" in json.dumps(told), "the same on Nuncio's side", told)
    refused = Heard()
    parameter.delete(lambda _: refused("deleted"), refused)
    expect("stays as it is" in str(refused.wait("an answer")), "a parameter that cannot be deleted", refused.items)
    expect(roslibpy.Param(client, "/robot:wings").get() is None, "no value where there is none", None)


def check_simulated_time(site, client):
    roslibpy.Param(client, "/border:use_sim_time").set(True)
    site.beside("topic", "pub", "/clock", "rosgraph_msgs/msg/Clock", "{clock: {sec: 1234, nanosec: 5}}", "--rate", "20")
    until(lambda: client.get_time()["secs"] == 1234, "the time of the simulation")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        site = Site(sys.argv[1], home, stack)
        client = site.client()
        check_topics(site, client)
        check_services(site, client)
        check_actions(site, client)
        check_rosapi(site, client)
        check_parameters(site, client)
        check_simulated_time(site, client)
        client.close()
    print(f"roslibpy {roslibpy.__version__}: topics and services both ways, goals, rosapi, parameters and simulated time are as they should be")
    # Its reactor runs in a thread that nothing ends.
    os._exit(0)


if __name__ == "__main__":
    main()
