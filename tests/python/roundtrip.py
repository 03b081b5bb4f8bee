"""The unmodified Arvados Python client against two real nodes.

    .venv/bin/python tests/python/roundtrip.py --binary target/debug/donjon

Prints each check. Exit code: 0 all passed, 1 one failed.
"""

import argparse
import concurrent.futures
import hashlib
import os
import sys
import tempfile
import time
import traceback

import arvados.errors
from arvados.keep import KeepClient

from node import TOKEN, Cluster, sign

BLOCK_SIZE_MAX = 64 * 1024 * 1024


class ApiStub:
    """As much of an API server as the client asks for to find disk services."""

    api_token = TOKEN
    insecure = False
    request_id = None

    def __init__(self, nodes):
        self._nodes = nodes

    def config(self):
        return {"StorageClasses": {"default": {"Default": True}, "archive": {"Default": False}}}

    def keep_services(self):
        return self

    def accessible(self):
        return self

    def execute(self, num_retries=0):
        items = [
            {
                "uuid": node.uuid,
                "service_type": "disk",
                "service_host": "127.0.0.1",
                "service_port": node.port,
                "service_ssl_flag": False,
                "read_only": False,
            }
            for node in self._nodes
        ]
        return {"items": items}


def through_proxy(nodes, token=TOKEN):
    """A client as outside the cluster: the node is a proxy to it. A new one has nothing in its cache."""
    return KeepClient(proxy=nodes[0].url, api_token=token, local_store="", num_retries=0)


def to_disks(nodes):
    """A client as inside the cluster: rendezvous order, one copy per node, storage classes."""
    return KeepClient(api_client=ApiStub(nodes), proxy="", local_store="", num_retries=0)


def raises(error, action):
    """Fails unless the action raises exactly this error."""
    try:
        action()
    except Exception as raised:
        assert type(raised) is error, f"raised {raised!r}, expected {error.__name__}"
        return
    raise AssertionError(f"nothing was raised, expected {error.__name__}")


def damage(path):
    """Overwrites the first byte of a stored block."""
    with open(path, "r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 0xFF]))


def proxy_put_and_get(nodes):
    """what is put is got back, by a signed locator"""
    locator = through_proxy(nodes).put(b"proxy put and get", copies=1)
    assert "+17+A" in locator, locator
    assert through_proxy(nodes).get(locator) == b"proxy put and get"


def proxy_head(nodes):
    """head finds a block"""
    locator = through_proxy(nodes).put(b"proxy head", copies=1)
    assert through_proxy(nodes).head(locator) is True


def proxy_largest_block(nodes):
    """a block of 64 MiB, sent with Expect: 100-continue"""
    data = os.urandom(1024) * (BLOCK_SIZE_MAX // 1024)
    locator = through_proxy(nodes).put(data, copies=1)
    assert locator.split("+")[1] == str(BLOCK_SIZE_MAX), locator
    assert through_proxy(nodes).get(locator) == data


def proxy_missing_block(nodes):
    """a missing block is not found, by get and by head"""
    locator = sign(hashlib.md5(b"nobody stored this").hexdigest() + "+18")
    raises(arvados.errors.NotFoundError, lambda: through_proxy(nodes).get(locator))
    raises(arvados.errors.NotFoundError, lambda: through_proxy(nodes).head(locator))


def proxy_wrong_signature(nodes):
    """without a valid signature a block is not given out"""
    locator = through_proxy(nodes).put(b"proxy wrong signature", copies=1)
    unsigned = locator.split("+A")[0]
    raises(arvados.errors.KeepReadError, lambda: through_proxy(nodes).get(unsigned))
    raises(arvados.errors.KeepReadError, lambda: through_proxy(nodes, token="another").get(locator))


def proxy_damaged_block(nodes):
    """a damaged block is a read error, not a missing block, and a put heals it"""
    data = b"proxy damaged block"
    locator = through_proxy(nodes).put(data, copies=1)
    damage(nodes[0].block_file(locator))
    raises(arvados.errors.KeepReadError, lambda: through_proxy(nodes).get(locator))
    healed = through_proxy(nodes).put(data, copies=1)
    assert through_proxy(nodes).get(healed) == data


def proxy_many_connections(nodes):
    """the client closes its connection after every request: 400 of them, eight at a time"""

    def put_and_get(number):
        data = b"block %d" % number
        client = through_proxy(nodes)
        return client.get(client.put(data, copies=1)) == data

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(put_and_get, range(200)))


def disks_two_copies(nodes):
    """two copies are on two nodes"""
    locator = to_disks(nodes).put(b"disks two copies", copies=2)
    assert all(os.path.exists(node.block_file(locator)) for node in nodes)
    assert to_disks(nodes).get(locator) == b"disks two copies"


def disks_rendezvous(nodes):
    """one copy goes to the node that is first in rendezvous order"""
    for number in range(8):
        data = b"disks rendezvous %d" % number
        locator = to_disks(nodes).put(data, copies=1)
        weight = lambda node: hashlib.md5((locator[:32] + node.uuid[-15:]).encode()).hexdigest()
        first, second = sorted(nodes, key=weight, reverse=True)
        assert os.path.exists(first.block_file(locator)) and not os.path.exists(second.block_file(locator))


def disks_damaged_replica(nodes):
    """one damaged replica does not hide the good one"""
    for index in range(2):
        data = b"disks damaged replica %d" % index
        locator = to_disks(nodes).put(data, copies=2)
        damage(nodes[index].block_file(locator))
        assert to_disks(nodes).get(locator) == data


def disks_storage_class(nodes):
    """a storage class decides the volume, and the client sees it confirmed"""
    client = to_disks(nodes)
    locator = client.put(b"disks storage class", copies=1, classes=["archive"])
    assert os.path.exists(nodes[0].block_file(locator, "archive"))
    assert not any(os.path.exists(node.block_file(locator)) for node in nodes)
    assert not client._storage_classes_unsupported_warning, "the client saw no storage classes confirmed"


def disks_unknown_storage_class(nodes):
    """a class that no volume has is a write error"""
    raises(
        arvados.errors.KeepWriteError,
        lambda: to_disks(nodes).put(b"disks unknown class", copies=1, classes=["gold"]),
    )


def disks_missing_block(nodes):
    """a block that is on neither node is not found"""
    locator = sign(hashlib.md5(b"nowhere").hexdigest() + "+7")
    raises(arvados.errors.NotFoundError, lambda: to_disks(nodes).get(locator))


def nodes_end_in_good_order(nodes):
    """told to stop, a node that has nothing in hand ends within seconds and well"""
    for node in nodes:
        began = time.monotonic()
        assert node.stop() == 0, f"{node.url} ended with {node.process.returncode}"
        assert time.monotonic() - began < 10, f"{node.url} took {time.monotonic() - began:.0f} s"


CHECKS = [
    proxy_put_and_get,
    proxy_head,
    proxy_largest_block,
    proxy_missing_block,
    proxy_wrong_signature,
    proxy_damaged_block,
    proxy_many_connections,
    disks_two_copies,
    disks_rendezvous,
    disks_damaged_replica,
    disks_storage_class,
    disks_unknown_storage_class,
    disks_missing_block,
    nodes_end_in_good_order,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, help="the donjon program")
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as place, Cluster(place, arguments.binary) as cluster:
        for check in CHECKS:
            try:
                check(cluster.nodes)
                print(f"ok      {check.__name__}: {check.__doc__}")
            except Exception:
                failed += 1
                print(f"FAILED  {check.__name__}: {check.__doc__}\n{traceback.format_exc()}")
        for node in cluster.nodes:
            with open(node.log, encoding="utf-8", errors="replace") as log:
                if failed:
                    print(f"--- what {node.url} logged last\n" + "".join(log.readlines()[-20:]))
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
