"""How a batch goes: steps in waves (what does not need each other), and what came of every job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from .manifest import Job
from .work import DONE, FAILED, JOIN, MARKS, PIECE, SKIPPED, WHOLE, Row, Step, failed

ATTEMPTS = 3  # at a step that ends its worker
Show = Callable[[str, str, int, int], None]  # a worker, what it does, how far, of how many


class Engine(Protocol):
    """Who does steps: processes of this machine, or Ray."""

    def run(self, steps: Sequence[Step]) -> Iterator[Row]:
        """Do all steps, in any order: a row of each as it is done, whatever happens to it or to its worker."""
        ...


@dataclass
class Batch:
    """All jobs by an engine.

    Args:
        jobs: what is to be done.
        engine: who does it.
    """

    jobs: Sequence[Job]
    engine: Engine
    _rows: dict[str, list[Row]] = field(default_factory=dict)  # of each job, in the order they came

    def run(self) -> Iterator[Row]:
        """Do everything: yields what became of a job when it is known, once a job."""
        self._rows = {job.name: [] for job in self.jobs}
        yield from self._wave([Step(job, WHOLE if job.split is None else MARKS) for job in self.jobs])
        split = [job for job in self.jobs if job.split is not None]
        depth = 0
        while ahead := [job for job in split if self._goes_on(job) and depth < len(self._rows[job.name][0].ahead)]:
            steps = [Step(job, PIECE, depth, n) for job in ahead for n in range(self._rows[job.name][0].ahead[depth])]
            yield from self._wave(steps)
            depth += 1
        yield from self._wave([Step(job, JOIN) for job in split if self._goes_on(job)])

    def _goes_on(self, job: Job) -> bool:
        return all(row.status != FAILED and row.kind != WHOLE for row in self._rows[job.name])

    def _wave(self, steps: Sequence[Step]) -> Iterator[Row]:
        """Do these steps; what nobody reported on is lost, and that is said."""
        missing = {step.key: step for step in steps}
        for row in self._reported(steps):
            if missing.pop(row.key, None) is not None:  # a step that was done twice has been reported once already
                yield from self._came(row)
        for step in missing.values():
            yield from self._came(failed(step, "no report came back: run the batch again"))

    def _reported(self, steps: Sequence[Step]) -> Iterator[Row]:
        if steps:
            yield from self.engine.run(steps)

    def _came(self, row: Row) -> Iterator[Row]:
        rows = self._rows[row.job]
        over = any(before.status == FAILED for before in rows)
        rows.append(row)
        if over:  # another piece of it failed before
            return
        if row.status == FAILED or row.kind in (WHOLE, JOIN):
            status = DONE if row.status == SKIPPED and any(r.status == DONE for r in rows) else row.status
            yield replace(row, status=status, seconds=round(sum(r.seconds for r in rows), 3))
