"""Benchmarks: time and memory of every part, as the paper's tables and figures have them, on the machine at hand."""
