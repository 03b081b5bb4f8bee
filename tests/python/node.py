"""Two donjon nodes of one cluster, on the loopback interface, with their volumes in a temporary directory."""

import hashlib
import hmac
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

TOKEN = "v2/zzzzz-gj3su-000000000000000/roundtriproundtriproundtriproundtriproundtriproundt"
MANAGEMENT_TOKEN = "managementmanagementmanagementmanagement"
SIGNING_KEY = "signingkeysigningkeysigningkeysigningkey"
TTL_SECONDS = 14 * 24 * 3600
START_PATIENCE_SECONDS = 30


def free_port():
    """A port where nothing listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def sign(locator, token=TOKEN):
    """The locator with the signature that a node gives it (spec section 3.1)."""
    expiry = f"{int(time.time()) + TTL_SECONDS:08x}"
    message = f"{locator[:32]}@{token}@{expiry}@{TTL_SECONDS:x}"
    signature = hmac.new(SIGNING_KEY.encode(), message.encode(), hashlib.sha1).hexdigest()
    return f"{locator}+A{signature}@{expiry}"


class Node:
    """One keep service: its address, its volumes by storage class, its process."""

    def __init__(self, place, index, classes):
        self.uuid = f"zzzzz-bi6l4-{index:015d}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.volumes = {name: os.path.join(place, f"node-{index}-{name}") for name in classes}
        self.log = os.path.join(place, f"node-{index}.log")
        self.process = None
        for root in self.volumes.values():
            os.mkdir(root)

    def block_file(self, locator, storage_class="default"):
        """Where the block lies (spec section 6)."""
        return os.path.join(self.volumes[storage_class], locator[:3], locator[:32])

    def start(self, binary, config):
        """Starts the process and waits for its health check."""
        environment = dict(os.environ, ARVADOS_SERVICE_INTERNAL_URL=self.url)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [binary, "serve", "--config", config], env=environment, stdout=log, stderr=log
            )
        request = urllib.request.Request(
            self.url + "/_health/ping", headers={"Authorization": "Bearer " + MANAGEMENT_TOKEN}
        )
        deadline = time.monotonic() + START_PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(request, timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.02)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise RuntimeError(f"the node at {self.url} did not become ready:\n{log.read()}")

    def stop(self):
        """Ends the process; says how it ended, also if it had ended before."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Cluster:
    """Two nodes: the first with a volume for each of two storage classes, the second with one."""

    def __init__(self, place, binary):
        self.nodes = [Node(place, 0, ["default", "archive"]), Node(place, 1, ["default"])]
        self.config = os.path.join(place, "config.yml")
        with open(self.config, "w", encoding="utf-8") as config:
            json.dump(self._config(), config)  # JSON is YAML
        for node in self.nodes:
            node.start(binary, self.config)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()

    def _config(self):
        volumes = {}
        for node in self.nodes:
            for storage_class, root in node.volumes.items():
                volumes[f"zzzzz-nyw5e-{len(volumes):015d}"] = {
                    "Driver": "Directory",
                    "DriverParameters": {"Root": root},
                    "StorageClasses": {storage_class: True},
                    "AccessViaHosts": {node.url: {}},
                }
        cluster = {
            "SystemRootToken": "systemrootsystemrootsystemrootsystemroot",
            "ManagementToken": MANAGEMENT_TOKEN,
            "Collections": {"BlobSigningKey": SIGNING_KEY, "BlobSigningTTL": f"{TTL_SECONDS}s"},
            "Services": {"Keepstore": {"InternalURLs": {node.url: {} for node in self.nodes}}},
            "StorageClasses": {"default": {"Default": True}, "archive": {}},
            "Volumes": volumes,
        }
        return {"Clusters": {"zzzzz": cluster}}
