"""Scrapes nodes that run, and reads what they serve with the parser of Prometheus's own client library.

Usage: metrics.py PATH_OF_NUNCIO
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

DEADLINE_S = 60


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers["content-type"], refused.read().decode()


def samples(text):
    """All samples by name and labels; a pair that stands twice is an error, as it is to Prometheus."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge"), family
        assert family.name.startswith("nuncio_"), family.name
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} stands twice"
            found[key] = sample.value
    return found


def main():
    nuncio = sys.argv[1]
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        environment = {"NUNCIO_HOME": home, "NUNCIO_METRICS": str(port), "PATH": os.environ["PATH"]}
        demo = subprocess.Popen(
            [nuncio, "demo", "--seconds", "8", "--json"],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + DEADLINE_S
            while True:
                assert demo.poll() is None, "the demo has ended"
                assert time.monotonic() < end, "nothing was received and refused in time"
                try:
                    status, content_type, text = get(f"http://127.0.0.1:{port}/metrics")
                except OSError:
                    time.sleep(0.05)
                    continue
                assert status == 200 and content_type == "text/plain; version=0.0.4; charset=utf-8", content_type
                found = samples(text)
                total = lambda name: sum(value for (of, _), value in found.items() if of == name)
                if total("nuncio_received_messages_total") > 100 and total("nuncio_refused_total") > 10:
                    break
                time.sleep(0.05)
            status, content_type, text = get(f"http://127.0.0.1:{port}/health")
            health = json.loads(text)
            assert status in (200, 503) and health["healthy"] == (status == 200), (status, text)
            assert {node["node"] for node in health["nodes"]} == {
                dict(labels)["node"] for (name, labels) in found if name == "nuncio_node_info"
            }
        finally:
            demo.kill()
            demo.wait()
    print(f"{len(found)} samples of {len(health['nodes'])} nodes are as Prometheus reads them")


if __name__ == "__main__":
    main()
