"""Proves a bag in about forty lines, without any of our code: who has signed each frame, and that what the recorder sealed is here.

Usage: python3 bag_proof.py FOLDER_OR_FILE [RECORDER: the 32 bytes of its key, in hexadecimal]
Needs from PyPI: `mcap` (with its lz4 and zstandard), `blake3`, `cryptography`.

Its verdict is that of `nuncio bag verify --recorder RECORDER`: ok, messages, closed. What that rests on: each frame holds by the
key of its publisher; everything else in the file (the order, the times, what is missing, the messages in CDR) holds by the
seals, which are the recorder's. So an altered message in CDR is found because the recorder has not sealed it so; that CDR
follows from the frame is not computed, which takes the message's schema (`bag verify` does). Where something is wrong it names
the frame or the seal; bag_verify.py, which builds on this, names the messages.

A file that cannot be read to its end is an error. The format is described in bridge/src/bag.rs, the frame in runtime/src/security/frame.rs.
"""
import json, pathlib, re, struct, sys
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader

h = lambda *pieces: blake3(b"".join(pieces)).digest()
lengths = lambda *texts: b"".join(struct.pack("<I", len(text)) + text for text in texts)

def opened(frame, kind, place, request=b""):  # a frame whose signature holds in this place: key, writer, first number, count, end
    (count, key, writer, first), (at, leaves) = struct.unpack("<6xH32s16sQ", frame[:64]), struct.unpack("<HH", frame[-68:-64])
    steps, last = [], leaves - 1
    while last > 0:
        steps, at, last = steps + [at % 2] * (at % 2 or at != last), at // 2, last // 2
    end = len(frame) - 68 - 32 * len(steps)
    root = h(b"\0", h(lengths(*place, bytes([kind]), request)), h(frame[:end]))
    for step, is_right in enumerate(steps):
        sibling = frame[end + 32 * step : end + 32 * step + 32]
        root = h(b"\1", sibling, root) if is_right else h(b"\1", root, sibling)
    assert frame[:4] == b"Nu\1\1" and frame[5] == kind and frame[72:80] == place[3][:8], "no frame of this place"
    Ed25519PublicKey.from_public_bytes(key).verify(frame[-64:], b"nuncio frame v1\0\1" + key + struct.pack("<H", leaves) + root)
    return key, writer, first, count, end

def prove(path, recorder=None):
    faults, numbers, previous, event = [], set(), "", None
    for file in sorted(path.glob("*.mcap"), key=lambda file: int(re.search(r"_(\d+)\.mcap$", file.name)[1])) or [path]:
        schemas, channels, sealed, count, event = {}, {}, blake3(), 0, None
        for record in StreamReader(open(file, "rb"), validate_crcs=True).records:
            if isinstance(record, Schema):
                schemas[record.id] = record.name, record.encoding, record.data.decode()
            if isinstance(record, Channel):
                texts = *schemas.get(record.schema_id, ("", "", "")), *sum(sorted(record.metadata.items()), ())
                channels[record.id] = record, h(lengths(*map(str.encode, (record.topic, record.message_encoding, *texts))))
            if not isinstance(record, Message):
                continue
            (channel, channel_hash), data = channels[record.channel_id], record.data
            domain, topic, type_name = (channel.metadata.get(key, "").encode() for key in ("domain", "topic", "type_name"))
            try:
                if channel.topic == "nuncio/seal":
                    seal, seal_type = json.loads(data[data.index(b'{"format":', 80) : -68]), h(b"nuncio bag seal v1")
                    key = opened(data, 5, (domain, b"nuncio/seal", b"nuncio bag seal", seal_type), bytes.fromhex(seal["bag"]))[0]
                    begins, event, recorder = event is None, seal["event"], recorder or key
                    assert key == recorder and begins == (event == "open") and (seal["records"], seal["count"]) == (sealed.hexdigest(), count)
                    assert seal["previous"] == previous or previous == "" and seal["first_file"] == seal["file"], "seals are missing"
                elif channel.message_encoding == "nuncio-frame":
                    type_hash = bytes.fromhex(channel.metadata["type_hash"].removeprefix("RIHS01_"))
                    key, writer, first, many, _ = opened(data, 0, (domain, topic, type_name, type_hash))
                    assert channel.topic.encode() == b"nuncio/frame" + topic
                    numbers |= {(topic, key, writer, number) for number in range(first, first + many)}
            except Exception as error:
                faults.append((channel.topic, record.sequence, repr(error)))
            sealed.update(channel_hash + struct.pack("<QQIQ", record.log_time, record.publish_time, record.sequence, len(data)) + data)
            sealed, count, previous = (blake3(), 0, h(data).hex()) if channel.topic == "nuncio/seal" else (sealed, count + 1, previous)
    return {"ok": not faults and previous != "", "messages": len(numbers), "closed": event == "close", "faults": faults}

if __name__ == "__main__":
    print(json.dumps(prove(pathlib.Path(sys.argv[1]), bytes.fromhex(sys.argv[2]) if len(sys.argv) > 2 else None)))
