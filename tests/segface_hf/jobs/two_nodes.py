"""A Ray cluster of two workers on this machine: prints its address, and ends with its input."""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

SMALL = {"object_store_memory": 80 * 2**20}

if __name__ == "__main__":
    head = {"num_cpus": 1, "include_dashboard": False, **SMALL}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1, **SMALL)
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()
