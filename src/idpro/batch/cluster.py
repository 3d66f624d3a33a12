"""Ray: the same workers as actors of Ray Data, on this machine or on a cluster. Nowhere else is Ray seen.

A row is a step, an actor a loaded network, a result row a report; pixels never go through Ray. What Ray's users ran into, and
what is done about it here:

- threads: Ray sets OMP_NUM_THREADS to ``num_cpus``, ONNX Runtime does not look: ``Worker`` sets both from one number;
- an error in a function is not retried, and with ``max_errored_blocks`` a dead actor in a fixed pool hangs: errors are caught
  in the function, the option is not used;
- a retry waits for the same actor's restart in a fixed pool: ``min_size`` is below ``max_size``;
- an actor that dies comes back, and its step goes to another: Ray Data's own default (``max_restarts``, ``max_task_retries``);
- a step that always ends its actor would be tried for ever: who begins a step for the fourth time gives it up;
- what a retry has done already is there and current: it is skipped.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import ray
import ray.data

from ..errors import ConfigError
from .engine import ATTEMPTS, Show
from .work import Row, Settings, Step, Worker, failed

BOARD = "idpro-batch-board"  # the name of the actor that knows what is going on
NAMESPACE = "idpro"
STORE_BYTES = 128 << 20  # Ray's object store on this machine: reports are small
SECONDS_BETWEEN = 1.0  # two looks at the board
SECONDS_TO_ANSWER = 5.0


class Board:
    """An actor beside the driver: who does what, and how often each step was begun."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()
        self._told: dict[str, tuple[str, int, int]] = {}

    def begin(self, key: str, worker: str) -> int:
        """A worker begins a step: for the how-manieth time."""
        self._begun[key] += 1
        self._told[worker] = (key, 0, 0)
        return self._begun[key]

    def tell(self, worker: str, text: str, done: int, total: int) -> None:
        self._told[worker] = (text, done, total)

    def told(self) -> dict[str, tuple[str, int, int]]:
        """The last word of every worker."""
        return dict(self._told)

    def begun(self) -> dict[str, int]:
        """How often each step was begun."""
        return dict(self._begun)


class Segment:
    """An actor of Ray Data: one network. It never raises."""

    def __init__(self, settings: Settings, board: Any) -> None:
        self._board, self._refused = board, ""
        try:
            self._worker = Worker(settings)
        except Exception as error:  # an actor that cannot begin would be begun for ever
            self._refused = str(error)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        step = Step.from_json(row["step"])
        if self._refused:
            return {"row": failed(step, self._refused).to_json()}
        name = self._worker.name
        if ray.get(self._board.begin.remote(step.key, name)) > ATTEMPTS:
            done = failed(step, f"its worker died {ATTEMPTS} times: too little memory, or a file the decoder dies of")
        else:
            done = self._worker(step, lambda text, *far: self._board.tell.remote(name, text, *far))
        return {"row": done.to_json()}


def pool(workers: int) -> ray.data.ActorPoolStrategy:
    """So many actors from the beginning: a pool of one task an actor never looks full enough to Ray to grow."""
    return ray.data.ActorPoolStrategy(min_size=1, max_size=max(2, workers), initial_size=workers, max_tasks_in_flight_per_actor=1)


class Cluster:
    """An engine of Ray's actors; use it in a ``with`` block.

    Args:
        settings: of all workers; an actor takes ``settings.threads`` CPUs.
        jobs: the most workers; None for as many as there are CPUs for.
        show: is told what each does.
        address: of a cluster, such as ``auto`` or ``ray://HOST:10001``; None begins one on this machine.
        gpus: of each actor.

    Raises:
        ConfigError: there is no such cluster.
    """

    def __init__(self, settings: Settings, jobs: int | None, show: Show, address: str | None = None, gpus: float = 0.0) -> None:
        self._settings, self._show, self._address, self._gpus = settings, show, address, gpus
        self._jobs = jobs
        self._ours = False

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # a report says what matters
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "namespace": NAMESPACE}
        if not ray.is_initialized():
            try:
                if self._address is None:
                    cpus = None if self._jobs is None else self._jobs * self._settings.threads
                    ray.init(num_cpus=cpus, include_dashboard=False, object_store_memory=STORE_BYTES, **quiet)
                else:
                    _knock(self._address)
                    ray.init(address=self._address, **quiet)
            except (OSError, ValueError) as error:
                raise ConfigError(f"there is no Ray cluster at {self._address}: {error}") from error
            self._ours = True
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        self._board: Any = ray.remote(Board).options(name=BOARD, namespace=NAMESPACE, num_cpus=0, get_if_exists=True).remote()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        ray.kill(self._board)
        if self._ours:
            ray.shutdown()

    @property
    def jobs(self) -> int:
        """The most workers."""
        cpus = int(ray.cluster_resources().get("CPU", 1))
        return self._jobs or max(1, cpus // self._settings.threads)

    def run(self, steps: Sequence[Step]) -> Iterator[Row]:
        """A row of each step as it is done; if Ray itself gives up, of the rest why."""
        left = {step.key: step for step in steps}
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watch.start()
        try:
            for item in self._rows(steps).iter_rows():
                row = Row.from_json(item["row"])
                left.pop(row.key, None)
                yield row
        except ray.exceptions.RayError as error:
            for step in left.values():
                yield failed(step, f"Ray gave up: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
        finally:
            over.set()
            watch.join()

    def _rows(self, steps: Sequence[Step]) -> Any:
        """A block a step, so that the slow ones do not hold others up."""
        items = [{"step": step.to_json()} for step in steps]
        return ray.data.from_items(items, override_num_blocks=len(items)).map(
            Segment,
            fn_constructor_args=(replace(self._settings), self._board),
            compute=pool(min(self.jobs, len(items))),
            num_cpus=self._settings.threads,
            num_gpus=self._gpus or None,
        )

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(SECONDS_BETWEEN):
            try:
                told = ray.get(self._board.told.remote(), timeout=SECONDS_BETWEEN)
            except ray.exceptions.RayError:
                continue
            for worker, (text, done, total) in told.items():
                self._show(worker, text, done, total)


def _knock(address: str) -> None:
    """OSError if nobody answers at HOST:PORT: Ray itself would wait for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
