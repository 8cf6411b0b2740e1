"""Exports a recording of `nuncio` and reads it with others' tools; takes over a recording that others have made.

Usage: python3 bag_reading.py PATH_OF_NUNCIO
Needs from PyPI: `mcap`, `rosbags`, `pyarrow`.

1. CSV, JSON Lines and Parquet, read by Python's csv and json and by pyarrow, have the values that were published.
2. The rosbag2 folder that `bag convert --to rosbag2` makes is read by rosbags.
3. A folder that rosbags has written is taken over: `bag cat` shows its values, `bag verify` says that it was imported.
"""

import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pyarrow.parquet
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

SECONDS_MAX = 60
STORE = get_typestore(Stores.ROS2_JAZZY)


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


class Site:
    def __init__(self, nuncio, folder):
        self.nuncio, self.folder = nuncio, folder

    def start(self, *arguments):
        environment = {**os.environ, "NUNCIO_HOME": str(self.folder / "home"), "NUNCIO_DISCOVERY": "off"}
        return subprocess.Popen([self.nuncio, *map(str, arguments)], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def run(self, *arguments):
        done = self.start(*arguments)
        said = done.communicate(timeout=SECONDS_MAX)[0]
        assert done.returncode == 0, (arguments, done.returncode, said)
        return said

    def record(self, bag):
        endpoint = f"tcp/127.0.0.1:{free_port()}"
        values = '{header: {frame_id: "a,\\"b\\""}, orientation: {w: 0.25}, linear_acceleration: {x: .nan}}'
        talker = self.start("topic", "pub", "/imu", "sensor_msgs/Imu", values, "--rate", 50, "--listen", endpoint)
        recorder = self.start("bag", "record", "-o", bag, "/imu", "--connect", endpoint)
        try:
            end = time.monotonic() + SECONDS_MAX
            while not bag.exists() or sum(file.stat().st_size for file in bag.glob("*.mcap")) < 8000:
                assert time.monotonic() < end, "nothing is recorded"
                time.sleep(0.05)
            recorder.send_signal(signal.SIGINT)
            recorder.communicate(timeout=SECONDS_MAX)
        finally:
            for process in (talker, recorder):
                process.kill()
                process.wait()


def check_exports(site, bag):
    shown = [json.loads(line) for line in site.run("bag", "cat", bag, "--json").splitlines()]
    assert shown, "something was recorded"
    for to in ("csv", "jsonl", "parquet", "rosbag2"):
        site.run("bag", "convert", bag, "--to", to, "-o", site.folder / to)
    with open(site.folder / "csv" / "imu.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pyarrow.parquet.read_table(site.folder / "parquet" / "imu.parquet").to_pylist()
    lines = [json.loads(line) for line in open(site.folder / "jsonl" / "imu.jsonl")]
    assert len(shown) == len(rows) == len(table) == len(lines)
    for one, row, typed, line in zip(shown, rows, table, lines):
        assert line["message"] == one["message"]
        assert row["header.frame_id"] == typed["header.frame_id"] == 'a,"b"'
        assert float(row["orientation.w"]) == typed["orientation.w"] == 0.25
        assert row["linear_acceleration.x"] == "NaN" and typed["linear_acceleration.x"] != typed["linear_acceleration.x"]
        assert json.loads(typed["orientation_covariance"]) == [0.0] * 9
        assert int(row["_number"]) == typed["_number"] == one["number"]
        assert typed["_stamp_ns"] == one["stamp_ns"] and typed["_signer"] == one["signer"]
    with Reader(site.folder / "rosbag2") as reader:
        found = [STORE.deserialize_cdr(data, connection.msgtype) for connection, _, data in reader.messages()]
    assert [message.orientation.w for message in found] == [0.25] * len(shown)
    print(f"{len(shown)} messages: equal in CSV, JSON Lines, Parquet and rosbag2")


def check_import(site):
    foreign = site.folder / "foreign"
    text = STORE.types["std_msgs/msg/String"]
    with Writer(foreign, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/said", "std_msgs/msg/String", typestore=STORE)
        for number in range(10):
            data = STORE.serialize_cdr(text(data=f"text {number}"), "std_msgs/msg/String")
            writer.write(connection, 1_700_000_000_000_000_000 + number * 400_000_000, data)
    told = json.loads(site.run("bag", "info", foreign, "--json"))
    assert not told["proven"] and told["unsigned"] == 10, told
    site.run("bag", "convert", foreign, "-o", site.folder / "taken")
    shown = [json.loads(line) for line in site.run("bag", "cat", site.folder / "taken", "--json").splitlines()]
    assert [one["message"]["data"] for one in shown] == [f"text {number}" for number in range(10)]
    assert shown[3]["received_ns"] == 1_700_000_001_200_000_000
    said = json.loads(site.run("bag", "verify", site.folder / "taken", "--json"))
    assert said["ok"] and any(note.startswith("imported") for note in said["notes"]), said
    print("a recording of others: 10 messages taken over, and said to be imported")


def main():
    with tempfile.TemporaryDirectory() as folder:
        site = Site(os.path.abspath(sys.argv[1]), pathlib.Path(folder))
        bag = site.folder / "bag"
        site.record(bag)
        check_exports(site, bag)
        check_import(site)


main()
