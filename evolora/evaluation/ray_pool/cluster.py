"""The Ray cluster: found or started, quiet, and left as it was found."""

import logging
import os
import socket
from dataclasses import dataclass

import ray
import ray._private.worker

from evolora.errors import WorkerError

KNOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Cluster:
    """A connection to Ray. `started`: this process started Ray, or connected to it, and lets go of it at the end."""

    started: bool

    @property
    def num_cpus(self) -> int:
        return _resource("CPU")

    @property
    def num_gpus(self) -> int:
        return _resource("GPU")

    @property
    def machines(self) -> list[tuple[int, int]]:
        """(CPUs, GPUs) of each machine."""
        nodes = (node["Resources"] for node in ray.nodes() if node["Alive"])  # type: ignore[no-untyped-call]  # not typed in ray
        return [(int(node.get("CPU", 0)), int(node.get("GPU", 0))) for node in nodes]

    @property
    def most_cpus(self) -> int:
        """CPUs of its largest machine."""
        return max((cpus for cpus, _ in self.machines), default=0)

    def room(self, num_cpus: int, num_gpus: int) -> int:
        """How many workers find so many CPUs, and GPUs, on one of the machines, all at a time."""
        return sum(
            min(cpus // max(1, num_cpus), gpus // num_gpus if num_gpus else cpus) for cpus, gpus in self.machines
        )

    def close(self) -> None:
        """Disconnect; a Ray that was started here ends, with everything in it. Safe to call again."""
        if self.started and ray.is_initialized():
            ray.shutdown()


def connect(address: str | None, num_cpus: int) -> Cluster:
    """The cluster at `address`; None: the one this process is connected to, or a new one here with `num_cpus`.

    Raises:
        WorkerError: nobody answers at `address`.
    """
    if ray.is_initialized():
        return Cluster(started=False)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else workers print a warning about it
    # Ray reports lost workers on stdout from a thread of its own, in spite of log_to_driver=False: that would tear the
    # live view. We report them ourselves.
    ray._private.worker.print_to_stdstream = _say_nothing
    here = address is None
    try:
        if address is not None:
            _knock(address)
        ray.init(
            address="local" if here else address,
            num_cpus=num_cpus if here else None,
            include_dashboard=False if here else None,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
        )
    except Exception as error:  # ray raises ConnectionError, ValueError and RuntimeError for the same mistakes
        where = "Ray" if here else f"--ray-address {address}"
        raise WorkerError(
            f"{where}: expected a Ray cluster, got {type(error).__name__}: {' '.join(str(error).split())[:200]}; "
            "start one with `ray start --head` and give its HOST:PORT, set RAY_AUTH_MODE=token if it asks for a token, "
            "or leave the option out"
        ) from error
    return Cluster(started=True)


def _knock(address: str) -> None:
    """Raise `OSError` or `ValueError` if nobody listens at HOST:PORT: Ray itself would try for many minutes."""
    if address != "auto":  # Ray looks for a cluster on this machine, and says at once if there is none
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError("no HOST:PORT, and not auto")
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _resource(name: str) -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # not typed in ray
    return int(resources.get(name, 0))


def _say_nothing(*_args: object, **_kwargs: object) -> None:
    pass


def actor_resources(cluster: Cluster, device: str, threads: int, num_workers: int) -> dict[str, int]:
    """What one worker asks Ray for: a core for each thread, and a GPU of its own where hosts are to run on GPUs.

    Raises:
        WorkerError: the cluster is too small, which Ray would answer with waiting for ever.
    """
    on_gpu = device == "cuda" or (device == "auto" and cluster.num_gpus >= max(1, num_workers))
    asked = {"num_cpus": threads, "num_gpus": 1 if on_gpu else 0}
    for kind, present, need in (("CPUs", cluster.num_cpus, threads), ("GPUs", cluster.num_gpus, asked["num_gpus"])):
        if present < need * max(1, num_workers):
            raise WorkerError(
                f"workers: expected a Ray cluster with {need * max(1, num_workers)} {kind} for {num_workers} workers, "
                f"got {present}; ask for fewer workers or fewer host.threads"
            )
    if threads > cluster.most_cpus:
        raise WorkerError(
            f"host.threads: expected at most the {cluster.most_cpus} CPUs of the cluster's largest machine, "
            f"got {threads}; ask for fewer"
        )
    if (room := cluster.room(**asked)) < max(1, num_workers):
        raise WorkerError(
            f"workers: expected machines with room for {max(1, num_workers)} workers of {threads} CPUs"
            f"{' and a GPU' if on_gpu else ''}, got room for {room}; ask for fewer workers or fewer host.threads"
        )
    return asked
