"""Compares the type hashes that `nuncio interface hash` prints with those of an independent implementation.

Usage: nuncio interface hash --json | python3 ros_type_hashes.py
Needs the package `rosbags` from PyPI, whose ROS 2 Jazzy types and hashes are the reference here. It is known to hash
`char` wrongly, so types that hold one, directly or not, are left out and named.
"""

import json
import sys

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore


def holds_char(store, name):
    def in_field(field):
        kind, detail = field
        if kind == Nodetype.BASE:
            return detail[0] == "char"
        if kind == Nodetype.NAME:
            return holds_char(store, detail)
        return in_field(detail[0])

    return any(in_field(field) for _, field in store.fielddefs[name][1])


def main():
    ours = {line["type"]: line["hash"] for line in map(json.loads, sys.stdin)}
    store = get_typestore(Stores.ROS2_JAZZY)
    compared, left_out, wrong, missing = 0, [], [], []
    for name in sorted(store.fielddefs):
        if name.split("/")[0] not in {ours_name.split("/")[0] for ours_name in ours}:
            continue
        if name not in ours:
            missing.append(name)
        elif holds_char(store, name):
            left_out.append(name)
        elif store.hash_rihs01(name) != ours[name]:
            wrong.append(name)
        else:
            compared += 1
    print(f"{compared} type hashes agree; left out for their char: {', '.join(left_out)}")
    for name in wrong:
        print(f"{name}: ours is {ours[name]}, theirs is {store.hash_rihs01(name)}")
    for name in missing:
        print(f"{name}: not among ours")
    sys.exit(0 if compared >= 100 and not wrong and not missing else 1)


main()
