"""Compares `nuncio interface transcode` with two independent encoders of CDR.

Usage: python3 cdr.py PATH_OF_NUNCIO
Needs from PyPI: `rosbags` (encodes and decodes) and `mcap-ros2-support` (decodes).

For each message type that ROS 2 Jazzy and Nuncio share, a value with something in every field is made. It has to
become the very bytes that rosbags makes of it, those bytes have to become the same JSON again, and mcap-ros2-support
has to read the same value from the bytes that Nuncio made.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
from mcap_ros2._dynamic import generate_dynamic
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
INTEGERS = {"int8": 7, "int16": 15, "int32": 31, "int64": 63, "uint8": 8, "byte": 7, "char": 7, "uint16": 16, "uint32": 32, "uint64": 64}


class Maker:
    """Makes values that differ from field to field, always the same for the same type."""

    def __init__(self):
        self.count = 0

    def base(self, name):
        self.count += 1
        if name == "bool":
            return self.count % 2 == 1
        if name == "string":
            return "text é€ " * (self.count % 3)
        if name.startswith("float"):
            return self.count * 0.5 * (-1) ** self.count
        value = (self.count * 0x9E3779B97F4A7C15) % 2 ** INTEGERS[name]
        return -value if name.startswith("int") and self.count % 2 else value

    def message(self, name):
        """The value as JSON and as an object of rosbags."""
        plain, members = {}, {}
        for field, kind in STORE.fielddefs[name][1]:
            if field == "structure_needs_at_least_one_member":
                members[field] = 0
                continue
            plain[field], members[field] = self.field(kind)
        return plain, STORE.types[name](**members)

    def field(self, kind):
        tag, detail = kind
        if tag == Nodetype.BASE:
            value = self.base(detail[0])
            return value, value
        if tag == Nodetype.NAME:
            return self.message(detail)
        element, count = detail
        # Sequences of 0 to 2 elements: the empty one is where encoders disagree about padding.
        count = count if tag == Nodetype.ARRAY else self.count % 3
        pairs = [self.field(element) for _ in range(count)]
        plain, members = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        if element[0] == Nodetype.BASE and element[1][0] != "string":
            kind = {"byte": "int8", "char": "uint8"}.get(element[1][0], element[1][0])
            return plain, numpy.array(members, dtype=kind)
        return plain, members


def transcode(nuncio, name, source, target, text):
    command = [nuncio, "interface", "transcode", name, "--from", source, "--to", target]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{name}: {' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout.strip()


def as_plain(value):
    """What mcap-ros2-support decodes, as JSON has it."""
    if hasattr(value, "__slots__"):
        return {slot: as_plain(getattr(value, slot)) for slot in value.__slots__}
    if isinstance(value, (bytes, bytearray)):
        return list(value)
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        return [as_plain(element) for element in value]
    return value


def check(nuncio, name):
    plain, value = Maker().message(name)
    theirs = bytes(STORE.serialize_cdr(value, name)).hex()
    ours = transcode(nuncio, name, "json", "cdr", json.dumps(plain))
    # rosbags pads the end of some messages to four bytes; readers do not look there.
    if ours != theirs and not (theirs.startswith(ours) and set(theirs[len(ours) :]) <= {"0"} and len(theirs) - len(ours) < 8):
        raise AssertionError(f"{name}: ours   {ours}\n{name}: theirs {theirs}")
    back = json.loads(transcode(nuncio, name, "cdr", "json", theirs))
    if back != plain:
        raise AssertionError(f"{name}: {back} from {plain}")
    definition = STORE.generate_msgdef(name, ros_version=2)[0]
    decoded = as_plain(generate_dynamic(name, definition)[name](bytes.fromhex(ours)))
    decoded.pop("structure_needs_at_least_one_member", None)
    return decoded == plain


def main():
    nuncio = sys.argv[1]
    listed = subprocess.run([nuncio, "interface", "hash", "--json"], capture_output=True, text=True, check=True)
    ours = {json.loads(line)["type"] for line in listed.stdout.splitlines()}
    names = sorted(ours & STORE.fielddefs.keys())
    with ThreadPoolExecutor(2) as pool:
        read_alike = sum(pool.map(lambda name: check(nuncio, name), names))
    print(f"{len(names)} types have the bytes of rosbags, {read_alike} of them read alike by mcap-ros2-support")
    sys.exit(0 if len(names) >= 140 and read_alike >= len(names) - 10 else 1)


main()
