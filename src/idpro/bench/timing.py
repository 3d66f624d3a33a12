"""What is measured: seconds (medians after a warm-up), resident memory, memory of tensors, floating point operations."""

from __future__ import annotations

import statistics
import sys
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ..model.engine import eager
from ..video import Video

MIB = 1 << 20


def now(device: torch.device) -> float:
    """The clock in seconds, after all work of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def median_seconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """The median of ``repeats`` runs after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = now(device)
        work()
        times.append(now(device) - start)
    return statistics.median(times)


@dataclass
class Stopwatch:
    """Seconds spent in named parts of a network while it is at work elsewhere; ``take`` hands them out and starts anew."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def on(self, **parts: Iterable[nn.Module]) -> Iterator[Stopwatch]:
        """Time the modules of each part, which must not be inside one another."""
        with ExitStack() as stack:
            for name, modules in parts.items():
                for module in modules:
                    stack.enter_context(around(module, *self._hooks(name)))
            yield self

    def add(self, name: str, start: float) -> None:
        self.seconds[name] += now(self.device) - start

    def take(self) -> dict[str, float]:
        taken, self.seconds = dict(self.seconds), defaultdict(float)
        return taken

    def _hooks(self, name: str) -> tuple[Callable[[], None], Callable[[], None]]:
        starts: list[float] = []
        return lambda: starts.append(now(self.device)), lambda: self.add(name, starts.pop())


@contextmanager
def around(module: nn.Module, before: Callable[[], None], after: Callable[[], None]) -> Iterator[None]:
    """Call ``before`` and ``after`` whenever ``module`` is at work."""
    handles = (
        module.register_forward_pre_hook(lambda *_: before()),
        module.register_forward_hook(lambda *_: after()),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class TimedVideo:
    """A video whose decoding is on a stopwatch."""

    def __init__(self, video: Video, watch: Stopwatch) -> None:
        self.name, self.size, self.fps = video.name, video.size, video.fps
        self._video, self._watch = video, watch

    def __len__(self) -> int:
        return len(self._video)

    def frame(self, index: int) -> Any:
        start = now(self._watch.device)
        image = self._video.frame(index)
        self._watch.add("decode", start)
        return image


# Memory


class PeakMemory:
    """The highest memory in use since it was made: of the GPU's tensors, or resident of the process (the CPU)."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        elif sys.platform.startswith("linux"):
            Path("/proc/self/clear_refs").write_text("5")  # the high water mark sinks to what is resident now

    def mib(self) -> float:
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) / MIB
        if sys.platform.startswith("linux"):
            return _status("VmHWM")
        return _peak_elsewhere()


def resident_mib() -> float:
    """Resident memory of the process now (elsewhere than on Linux: its peak)."""
    return _status("VmRSS") if sys.platform.startswith("linux") else _peak_elsewhere()


def _peak_elsewhere() -> float:
    """The highest resident memory since the process began, where there is no /proc."""
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset / MIB)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
    return peak / (MIB if sys.platform == "darwin" else 1024)


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


class TensorMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The bytes of tensors made inside and still alive, by section: each has its highest mark over what it began with.

    What operations need in passing is not seen, and neither are weights and inputs made before.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peaks: dict[str, int] = defaultdict(int)
        self._live = 0
        self._sections = [("", 0)]  # the innermost last, with the bytes alive when it began
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def enter(self, section: str) -> None:
        self._sections.append((section, self._live))

    def leave(self) -> None:
        self._sections.pop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: Any) -> None:
        if storage in self._seen:
            return
        self._seen.add(storage)
        size = storage.nbytes()
        self._live += size
        weakref.finalize(storage, self._freed, size).atexit = False
        name, start = self._sections[-1]
        self.peaks[name] = max(self.peaks[name], self._live - start)

    def _freed(self, size: int) -> None:
        self._live -= size


# Floating point operations


def count_flops(work: Callable[[], object]) -> int:
    """Floating point operations of matrix products, convolutions and attention in ``work``; a multiply-add is two."""
    with eager(), FlopCounterMode(display=False, custom_mapping=_ATTENTION) as counter:
        work()
    return int(counter.get_total_flops())


def _attention_flops(q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], *_: Any, **__: Any) -> int:
    b, g, n, d = q
    return 2 * b * g * n * k[2] * (d + v[3])


_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}
