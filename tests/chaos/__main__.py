"""``python -m tests.chaos --minutes 60``: every part by turns until the time is up, then the counts.

The exit code is 1 if anything deviated; what it was made of is left where it says.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from . import full_disk, fuzz, kills, tabs
from .counts import Counts
from .server import MOST_BYTES

PARTS = {"kills": kills.run, "bodies": fuzz.bodies, "files": fuzz.run, "disk": full_disk.run, "tabs": tabs.run}
SHARE = {"kills": 0.45, "bodies": 0.15, "files": 0.2, "disk": 0.1, "tabs": 0.1}  # of the time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=PARTS, action="append", help="only these parts")
    options = parser.parse_args()
    counts, ends, seed = Counts(), time.monotonic() + 60 * options.minutes, options.seed
    parts = options.only or list(PARTS)
    while (left := ends - time.monotonic()) > 5:
        whole = min(600.0, left)
        for part in parts:
            folder = Path(tempfile.mkdtemp(prefix="idpro-chaos-"))
            before = len(counts.deviations)
            PARTS[part](folder, seed, whole * SHARE[part] / sum(SHARE[p] for p in parts), counts)
            if len(counts.deviations) == before:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                print(f"{part}, seed {seed}: look into {folder}", flush=True)
        print(f"seed {seed}:\n{counts.table()}", flush=True)
        seed += 1
    if counts.largest > MOST_BYTES:
        counts.deviate(f"a process took {counts.largest >> 20} MiB")
    print(counts.table())
    return 1 if counts.deviations else 0


if __name__ == "__main__":
    sys.exit(main())
