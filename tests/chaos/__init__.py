"""Chaos: a real server killed, starved, crowded and fed with rubbish, beside a model of what it has acknowledged.

``python -m tests.chaos --minutes 60`` runs long and prints counts; test_chaos.py runs a short form with fixed seeds.
"""
