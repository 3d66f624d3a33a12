"""The network: encoders, identification mechanism, across-frame interaction and concurrent propagation."""

from .memory import Memory, MemoryEntry
from .network import Features, IDPro, Propagated, build

__all__ = ["Features", "IDPro", "Memory", "MemoryEntry", "Propagated", "build"]
