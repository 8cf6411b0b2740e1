"""Records real traffic with `nuncio bag record`, reads it with readers that know nothing of Nuncio, tampers with it, and kills it.

Usage: python3 bag_readers.py PATH_OF_NUNCIO [KILLS]
Needs from PyPI: `mcap`, `mcap-ros2-support`, `rosbags`, and what bag_verify.py needs.

1. `mcap`, `mcap-ros2-support` and `rosbags` (a bare file, and the folder) find the values that were published.
2. bag_proof.py and bag_verify.py, which share no code with us, and `nuncio bag verify` come to the same verdicts, on the good bag
   and on bags in which a frame or a message was altered, taken out, put in, moved, dated back, or signed by somebody else, on
   bags that were cut, and on one that somebody else has sealed.
3. The recorder is killed (SIGKILL) KILLS times at random moments: each file opens, verifies, and misses at most the last second.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mcap.reader import make_reader
from mcap.stream_reader import StreamReader
from mcap.records import Channel, Message, Schema
from mcap.writer import CompressionType, Writer
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

import bag_proof
import bag_verify

SECONDS_MAX = 60
# What `bag verify` names, because it can compute it, and what without our code only the seal tells.
BY_THE_SEAL = ("an altered message in CDR", "a signer's name altered")


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


class Site:
    """A publisher and recorders, each with a keystore of its own."""

    def __init__(self, nuncio, folder):
        self.nuncio, self.folder, self.endpoint = nuncio, folder, f"tcp/127.0.0.1:{free_port()}"

    def start(self, who, *arguments, **more):
        environment = {**os.environ, "NUNCIO_HOME": str(self.folder / who), "NUNCIO_DISCOVERY": "off"}
        return subprocess.Popen([self.nuncio, *map(str, arguments)], env=environment, text=True, **more)

    def verify(self, bag, *more):
        done = self.start("judge", "bag", "verify", bag, "--json", *more, stdout=subprocess.PIPE)
        said = json.loads(done.communicate(timeout=SECONDS_MAX)[0].strip().splitlines()[-1])
        assert done.returncode == (0 if said["ok"] else 2), done.returncode
        return said

    @contextlib.contextmanager
    def talking(self, topic, type_name, values, rate):
        publish = ["topic", "pub", topic, type_name, values, "--rate", rate, "--listen", self.endpoint]
        talker = self.start("talker", *publish, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield talker
        finally:
            talker.kill()
            talker.wait()

    def record(self, bag, *more):
        return self.start("recorder", "bag", "record", "-o", bag, "-a", "--connect", self.endpoint, "--json", *more,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def wait_for(what, condition):
    end = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.05)


def size(bag):
    return sum(file.stat().st_size for file in bag.glob("*.mcap"))


def read_with_others(bag, count):
    file = bag / f"{bag.name}_0.mcap"
    with open(file, "rb") as opened:
        reader = make_reader(opened, decoder_factories=[DecoderFactory()])
        values = [decoded.linear.x for _, _, _, decoded in reader.iter_decoded_messages(topics=["/cmd_vel"])]
        assert values == [0.5] * count, (len(values), count)
        topics = {channel.topic for channel in reader.get_summary().channels.values()}
        assert topics == {"/cmd_vel", "nuncio/frame/cmd_vel", "nuncio/seal", "nuncio/signer"}, topics
    store = get_typestore(Stores.ROS2_JAZZY)
    with Reader(bag) as reader:
        assert reader.message_count == count, reader.message_count
        found = [(connection.topic, data) for connection, _, data in reader.messages() if connection.topic == "/cmd_vel"]
        assert len(found) == count
        assert store.deserialize_cdr(found[0][1], "geometry_msgs/msg/Twist").linear.x == 0.5
    with AnyReader([file]) as reader:
        connections = [connection for connection in reader.connections if connection.topic == "/cmd_vel"]
        messages = list(reader.messages(connections=connections))
        assert len(messages) == count
        assert reader.deserialize(messages[0][2], connections[0].msgtype).linear.x == 0.5


def load(file):
    schemas, channels, messages = {}, {}, []
    for record in StreamReader(open(file, "rb")).records:
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            channels[record.id] = record
        elif isinstance(record, Message):
            messages.append([channels[record.channel_id], record.sequence, record.log_time, record.publish_time, record.data])
    return schemas, messages


def store(file, schemas, messages):
    with open(file, "wb") as opened:
        writer, ids = Writer(opened, compression=CompressionType.ZSTD), {}
        writer.start("ros2")
        for channel, sequence, log_time, publish_time, data in messages:
            if channel.id not in ids:
                schema = schemas.get(channel.schema_id)
                schema_id = writer.register_schema(schema.name, schema.encoding, schema.data) if schema else 0
                ids[channel.id] = writer.register_channel(channel.topic, channel.message_encoding, schema_id, channel.metadata)
            writer.add_message(ids[channel.id], log_time, data, publish_time, sequence)
        writer.finish()


def signed_by_another(message):
    """The same frame with another key, whose signature holds."""
    meta, key = message[0].metadata, Ed25519PrivateKey.generate()
    place = *(meta[name].encode() for name in ("domain", "topic", "type_name")), bytes.fromhex(meta["type_hash"][7:])
    end, public = bag_proof.opened(message[4], 0, place)[-1], key.public_key().public_bytes_raw()
    body = message[4][:8] + public + message[4][40:end]
    root = bag_proof.h(b"\0", bag_proof.h(bag_proof.lengths(*place, b"\0", b"")), bag_proof.h(body))
    return body + b"\0\0\1\0" + key.sign(b"nuncio frame v1\0\1" + public + b"\1\0" + root)


def tamperings(messages):
    """Names and changed messages. Each change is in the middle of what the second seal covers."""
    seals = [at for at, message in enumerate(messages) if message[0].topic == "nuncio/seal"]
    inside = range(seals[1] + 1, seals[2])
    frame = next(at for at in inside if messages[at][0].topic.startswith("nuncio/frame") and at > seals[1] + 4)
    cdr = next(at for at in range(frame, seals[2]) if messages[at][0].topic == "/cmd_vel")
    ends = [at for at in range(frame + 1, seals[2] + 1) if messages[at][0].message_encoding != "cdr"]
    (end, next_end), signer = ends[:2], next(at for at in range(seals[2]) if messages[at][0].topic == "nuncio/signer")

    def change(at, index, value):
        copy = [list(message) for message in messages]
        copy[at][index] = value
        return copy

    def flipped(at, byte):
        data = bytearray(messages[at][4])
        data[byte] ^= 1
        return bytes(data)

    yield "an altered frame", change(frame, 4, flipped(frame, 85))
    yield "a frame signed by somebody else", change(frame, 4, signed_by_another(messages[frame]))
    yield "an altered message in CDR", change(cdr, 4, flipped(cdr, 11))
    yield "a signer's name altered", change(signer, 4, messages[signer][4].replace(b'"node":"/', b'"node":"/x'))
    yield "a frame and its messages moved", messages[:frame] + messages[end:next_end] + messages[frame:end] + messages[next_end:]
    yield "another log time", change(cdr, 2, messages[cdr][2] - 1)
    yield "a frame and its messages taken out", messages[:frame] + messages[end:]
    yield "a frame and its messages twice", messages[:end] + messages[frame:end] + messages[end:]
    yield "a seal taken out", messages[: seals[2]] + messages[seals[2] + 1 :]
    yield "the beginning cut off", messages[seals[1] :]
    yield "the end cut off", messages[: seals[2] + 1]
    yield "only written anew", messages


def agree(site, bag, name):
    proof, theirs, ours = bag_proof.prove(bag), bag_verify.verify(bag), site.verify(bag)
    told = (name, proof, theirs, ours["faults"][:5], ours["closed"])
    assert all(proof[key] == ours[key] for key in ("ok", "messages", "closed")), told
    if name in BY_THE_SEAL:
        assert {kind for kind, _ in theirs["faults"]} == {"seal"} and not ours["ok"], told
        return ours
    kinds = [sorted({kind for kind, _ in theirs["faults"]}), sorted({fault["kind"] for fault in ours["faults"]})]
    assert kinds[0] == kinds[1] and all(theirs[key] == ours[key] for key in ("ok", "messages", "gaps", "closed")), told
    return ours


def tamper(site, bag, folder):
    schemas, messages = load(bag / f"{bag.name}_0.mcap")
    for name, changed in tamperings(messages):
        place = folder / "tampered"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        store(place / "tampered_0.mcap", schemas, changed)
        said = agree(site, place, name)
        expected_ok = name in ("only written anew", "the end cut off")
        assert said["ok"] == expected_ok, (name, said["faults"][:3])
        assert said["closed"] == (name != "the end cut off"), name
        print(f"  {name}: {[fault['kind'] for fault in said['faults'][:3]]}")


def seal_anew(site, bag, folder):
    """What somebody has left out who had the bag, and a key."""
    recorder, resealed = site.verify(bag)["recorder"], folder / "resealed"
    done = site.start("thief", "bag", "slice", bag, "--start", "0.2", "-o", resealed, stdout=subprocess.DEVNULL)
    assert done.wait(timeout=SECONDS_MAX) == 0
    key = bag_verify.unbase58(recorder.removeprefix("did:key:z"))[2:]
    assert bag_proof.prove(bag, key)["ok"] and site.verify(bag, "--recorder", recorder)["recorder_pinned"]
    assert agree(site, resealed, "sealed anew")["ok"], "anybody can seal"
    assert not bag_proof.prove(resealed, key)["ok"]
    said = site.verify(resealed, "--recorder", recorder)
    assert [fault["kind"] for fault in said["faults"]] == ["recorder"], said["faults"]
    print("  sealed anew by somebody else: ['recorder']")


def kill_often(site, folder, kills):
    for number in range(kills):
        bag = folder / f"killed_{number}"
        recorder = site.record(bag)
        wait_for("the first messages", lambda: bag.exists() and size(bag) > 6000)
        time.sleep(random.uniform(0, 2.5))
        recorder.send_signal(signal.SIGKILL)
        killed_ns = time.time_ns()
        recorder.wait()
        recorder.stdout.close()
        said = site.verify(bag)
        assert said["ok"] and said["messages"] > 0 and said["gaps"] == 0, (number, said["faults"], said["gaps"])
        with open(bag / f"{bag.name}_0.mcap", "rb") as opened:
            times = [message.log_time for _, _, message in make_reader(opened).iter_messages(topics=["/cmd_vel"])]
        missed = (killed_ns - max(times)) / 1e9
        assert missed < 1.5, f"kill {number}: the last {missed:.2f} s are missing"
        assert len(times) == said["messages"]
        shutil.rmtree(bag)
    print(f"{kills} kills: each file opened, verified, and missed a second at most")


def main():
    nuncio, kills = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        site = Site(nuncio, folder)
        with site.talking("/cmd_vel", "geometry_msgs/msg/Twist", "{linear: {x: 0.5}}", 200):
            bag = folder / "good"
            recorder = site.record(bag)
            wait_for("some seconds", lambda: bag.exists() and size(bag) > 60_000)
            recorder.send_signal(signal.SIGINT)
            said = json.loads(recorder.communicate(timeout=SECONDS_MAX)[0].strip().splitlines()[-1])
            assert said["closed"] and said["lost"] == 0 and recorder.returncode == 0, said
            read_with_others(bag, said["messages"])
            print(f"{said['messages']} messages in {said['bytes']} bytes: all readers agree")
            ours = agree(site, bag, "the good bag")
            assert ours["ok"] and ours["messages"] == said["messages"] and ours["closed"], ours
            tamper(site, bag, folder)
            seal_anew(site, bag, folder)
            kill_often(site, folder, kills)


main()
