"""Finds what is wrong with a bag, and where, with libraries from PyPI alone. None of our code is used.

bag_proof.py is the proof; this adds the numbers: what was taken out, put in, moved or dated back, and what never came.

Usage: python3 bag_verify.py FOLDER_OR_FILE
Needs from PyPI: `mcap` (with its lz4 and zstandard), `blake3`, `cryptography`.

The format is described in bridge/src/bag.rs, the frame in runtime/src/security/frame.rs. Prints what `nuncio bag verify --json`
prints of the same things: ok, messages, gaps, closed, faults as pairs of kind and number.
"""

import json
import pathlib
import re
import struct
import sys

from bag_proof import h, lengths
from bag_proof import opened as proved
from blake3 import blake3
from mcap.exceptions import McapError
from mcap.stream_reader import StreamReader
from mcap.records import Channel, DataEnd, Message, Schema


def varint(data, at):
    value = shift = 0
    while True:
        value, at, shift = value | (data[at] & 127) << shift, at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def opened(frame, domain, place, type_name, type_hash, kind, request=b""):
    """The stream and the messages of a frame whose signature holds in this place."""
    key, writer, first, count, end = proved(frame, kind, (domain, place, type_name, type_hash), request)
    number, epoch = struct.unpack("<QQ", writer)
    time, messages, at = struct.unpack("<q", frame[64:72])[0], [], 80
    for of in range(first, first + count):
        since, at = varint(frame, at)
        at += 16 if frame[4] & 2 else 0
        if frame[4] & 4:
            length, at = varint(frame, at)
            at += length
        length, at = varint(frame, at)
        messages.append((of, time + since, frame[at : at + length]))
        at += length
    assert at == end
    return (key, number, epoch), messages


DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data):
    digits, number = "", int.from_bytes(data, "big")
    while number:
        number, digit = divmod(number, 58)
        digits = DIGITS[digit] + digits
    return digits


def unbase58(digits):
    number = 0
    for digit in digits:
        number = number * 58 + DIGITS.index(digit)
    return number.to_bytes(34, "big")


def numbers_of(ranges):
    return {number for first, last in ranges for number in range(first, last + 1)}


def verify(path):
    faults, total, gaps, previous, number, closed, had = [], 0, 0, None, None, False, {}
    files = sorted(path.glob("*.mcap"), key=lambda file: int(re.search(r"_(\d+)\.mcap$", file.name)[1]))
    for file in files if path.is_dir() else [path]:
        schemas, channels, hasher, covered, streams, expected, opens, before = {}, {}, blake3(), 0, {}, {}, True, len(faults)
        stream = StreamReader(open(file, "rb"), validate_crcs=True)
        try:
            for record in stream.records:
                if isinstance(record, DataEnd):
                    break
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, Channel):
                    schema = schemas.get(record.schema_id)
                    texts = [record.topic, record.message_encoding, *([schema.name, schema.encoding] if schema else ["", ""])]
                    meta = [text for pair in sorted(record.metadata.items()) for text in pair]
                    encode = [text.encode() for text in texts] + [schema.data if schema else b""] + [text.encode() for text in meta]
                    channels[record.id] = (record, h(lengths(*encode)))
                if not isinstance(record, Message):
                    continue
                channel, channel_hash = channels[record.channel_id]
                meta, data = channel.metadata, record.data
                if channel.topic == "nuncio/seal":
                    length, at = varint(data, varint(data, 80)[1])
                    seal = json.loads(data[at : at + length])
                    try:
                        opened(data, meta["domain"].encode(), b"nuncio/seal", b"nuncio bag seal", h(b"nuncio bag seal v1"), 5,
                               bytes.fromhex(seal["bag"]))
                    except Exception:
                        faults.append(("seal", seal["number"]))
                    is_cut = opens and seal["event"] != "open" or seal["number"] != (0 if number is None else number + 1)
                    if is_cut or previous is not None and seal["previous"] != previous:
                        faults.append(("cut" if is_cut else "seal", seal["number"]))
                    previous, number, opens = h(data).hex(), seal["number"], False
                    for said in [] if is_cut else seal["streams"]:
                        name = (said["topic"], said["key"], said["writer"], said["epoch"])
                        found = streams.pop(name, [])
                        top, late = said["after"], []
                        for one in found:
                            late, top = (late + [one] if one < top else late), max(top, one)
                        numbers = set(range(said["after"] + 1, said["last"] + 1))
                        lost = numbers - set(found) - numbers_of(said.get("skipped", []))
                        wrong = sorted(lost - numbers_of(said.get("lost", [])))
                        faults += [("removed", first) for first in wrong if first - 1 not in wrong]
                        faults += [("added", first) for first in found if first > said["last"]]
                        faults += [("reordered", one) for one in late if one not in numbers_of(said.get("late", []))]
                        gaps += len(numbers_of(said.get("lost", []))) - sum(one <= said["after"] for one in late)
                    faults += [] if is_cut else [("added", max(found)) for found in streams.values()]
                    if (hasher.hexdigest(), covered) != (seal["records"], seal["count"]) and len(faults) == before:
                        faults.append(("seal", seal["number"]))
                    hasher, covered, streams, closed, before = blake3(), 0, {}, seal["event"] == "close", len(faults)
                    continue
                if opens:
                    faults.append(("cut", 0))
                opens, covered = False, covered + 1
                hasher.update(channel_hash + struct.pack("<QQIQ", record.log_time, record.publish_time, record.sequence, len(data)))
                hasher.update(data)
                if channel.message_encoding == "nuncio-frame":
                    place = [meta[key].encode() for key in ("domain", "topic", "type_name")]
                    type_hash = bytes.fromhex(meta["type_hash"].removeprefix("RIHS01_"))
                    assert channel.topic == "nuncio/frame" + meta["topic"]
                    try:
                        (key, writer, epoch), messages = opened(data, *place, type_hash, 0)
                    except Exception:
                        faults.append(("signature", record.sequence))
                        continue
                    did = "did:key:z" + base58(b"\xed\x01" + key)
                    name = (meta["topic"], did, f"{writer:016x}", epoch)
                    new = [message for message in messages if message[0] not in had.setdefault(name, set())]
                    if not new:
                        faults.append(("added", messages[0][0]))
                    had[name] |= {message[0] for message in new}
                    streams.setdefault(name, []).extend(message[0] for message in new)
                    total += len(new)
                    expected = {message[0] & 0xFFFFFFFF: (record.log_time, message[1]) for message in new}
                elif channel.message_encoding == "cdr" and expected.get(record.sequence) != (record.log_time, record.publish_time):
                    faults.append(("backdated" if record.sequence in expected else "added", record.sequence))
        except (McapError, struct.error, EOFError, ValueError, KeyError, IndexError, AssertionError) as error:
            faults.append(("damaged", 0))
            print(f"{file}: {error!r}", file=sys.stderr)
    return {"ok": not faults, "messages": total, "gaps": gaps, "closed": closed, "faults": faults}


if __name__ == "__main__":
    result = verify(pathlib.Path(sys.argv[1]))
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 2)
