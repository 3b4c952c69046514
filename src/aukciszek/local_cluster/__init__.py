"""A whole cluster on one machine, of real processes with throw-away keys: for the demo, benchmarks and tests.

Knows how parties are started and who uses them; no test and no benchmark.
"""
