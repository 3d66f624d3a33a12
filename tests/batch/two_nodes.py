"""A cluster of two nodes on this machine, and ``idpro batch`` on it; run by test_cluster.py, or by hand.

python two_nodes.py WEIGHTS MANIFEST OUTPUT [--kill] [--nodes N] [more options of the command]

With --kill a worker is ended while it is at work, once some videos are done. The last line is what happened, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster as Nodes

from idpro.batch.cluster import BOARD, NAMESPACE
from idpro.batch.commands import app

STORE = 80 << 20  # bytes of each node's object store


def end_one_worker(output: Path, ended: list[int], over: threading.Event) -> None:
    """As soon as two videos are done, end the worker whose last word was that it is in the middle of one."""
    while not ended and not over.wait(0.02):
        if len(list(output.glob("*/session.json"))) < 2:
            continue
        told = ray.get(ray.get_actor(BOARD, namespace=NAMESPACE).told.remote())
        for worker, (_, done, total) in told.items():
            if not total or done < total:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
                    ended.append(int(worker.rpartition(":")[2]))
                    break


def main() -> None:
    arguments = sys.argv[1:]
    kill = "--kill" in arguments
    count = int(arguments.pop(arguments.index("--nodes") + 1)) if "--nodes" in arguments else 2
    weights, manifest, output, *options = (a for a in arguments if a not in ("--kill", "--nodes"))
    cpus = int(options[options.index("--cpus") + 1]) if "--cpus" in options else 1
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": cpus, "object_store_memory": STORE})
    for _ in range(count - 1):
        nodes.add_node(num_cpus=cpus, object_store_memory=STORE)
    nodes.wait_for_nodes()
    ray.init(address=nodes.address, namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR")
    there = sum(node["Alive"] for node in ray.nodes())
    ended: list[int] = []
    over, code, start = threading.Event(), 0, time.perf_counter()
    killer = threading.Thread(target=end_one_worker, args=(Path(output), ended, over))
    if kill:
        killer.start()
    try:
        code = app([manifest, "-o", output, "--model", weights, "--engine", "ray", *options], standalone_mode=False) or 0
    finally:
        over.set()
        seconds = round(time.perf_counter() - start, 1)
        if kill:
            killer.join()
        ray.shutdown()
        nodes.shutdown()
    print(json.dumps({"nodes": there, "ended": ended, "code": code, "seconds": seconds}))


if __name__ == "__main__":
    main()
