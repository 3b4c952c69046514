"""How a process keeps its memory."""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, resource
from aukciszek.server.host.allocator import keep_freed_memory, freeze_permanent_objects

keep_freed_memory()
freeze_permanent_objects()
assert gc.get_freeze_count() > 0
bytearray(32 * 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    bytearray(32 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="says how glibc keeps memory")
def test_what_was_freed_is_used_again_and_not_fetched_from_the_kernel() -> None:
    command = [sys.executable, "-c", PROGRAM]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- our own
    pages_fetched = int(ended.stdout)
    assert pages_fetched < 8 * 32 * 2**20 / 4096 / 10
