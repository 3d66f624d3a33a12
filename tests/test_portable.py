"""Nothing of IDPro needs a POSIX system: every module imports without its modules and calls, and uses none unguarded."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import idpro

SOURCE = Path(idpro.__file__).parent
MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
CALLS = {
    "chown", "chroot", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getpgid", "getuid",
    "killpg", "mkfifo", "nice", "pread", "pwrite", "posix_fadvise", "sched_getaffinity", "sched_setaffinity", "setsid", "statvfs",
    "sync", "sysconf", "uname", "wait3", "wait4", "O_DIRECTORY", "O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC",
    "SIGKILL", "SIGHUP", "SIGALRM",
    "SIGUSR1", "SIGUSR2", "alarm", "setitimer",
}  # fmt: skip
OTHER_WAYS = {
    ("allocator.py", "sysconf"): "asked only where glibc's malloc_trim was found",
    ("bench/timing.py", "resource"): "on macOS only; Linux has /proc and Windows psutil's peak",
}

IMPORT_ALL = """
import importlib, importlib.abc, os, pathlib, signal, sys
import torch, torchvision, numpy, scipy, cv2, av, skimage, timm, PIL.Image, typer, rich.progress, pydantic, filelock, tifffile
extras = "fastapi uvicorn lightning_fabric matplotlib.pyplot onnxruntime tensorboard pycocotools.mask ray"
for extra in extras.split():
    try:
        importlib.import_module(extra)
    except ImportError:
        pass
modules, calls, root = eval(sys.argv[1]), eval(sys.argv[2]), pathlib.Path(sys.argv[3])

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in modules:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for place in (os, signal):
    for name in calls:
        if hasattr(place, name):
            delattr(place, name)
count = 0
for path in sorted(root.rglob("*.py")):
    parts = path.relative_to(root.parent).with_suffix("").parts
    if parts[-1] != "__main__":
        importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        count += 1
print(count)
"""


def test_every_module_imports_where_posix_is_absent() -> None:
    arguments = [sys.executable, "-c", IMPORT_ALL, repr(MODULES), repr(CALLS - {"uname"}), str(SOURCE)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 100


def test_what_only_posix_has_is_used_where_there_is_another_way() -> None:
    found = set()
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
                found |= {(place, node.attr)} if node.attr in CALLS else set()
            elif isinstance(node, ast.Import):
                found |= {(place, alias.name) for alias in node.names if alias.name in MODULES}
            elif isinstance(node, ast.ImportFrom) and node.module in MODULES | {"os", "signal"}:
                names = {alias.name for alias in node.names}
                found |= {(place, node.module)} if node.module in MODULES else {(place, name) for name in names & CALLS}
    assert found == set(OTHER_WAYS), "guard what is new and say here what happens elsewhere; strike out what is gone"
