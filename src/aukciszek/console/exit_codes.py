"""What the exit status of every ``aukciszek`` command means; scripts rely on it.

======  ============================================================================================
status  meaning
======  ============================================================================================
0       done; for a check or a demo: and the answer is yes
1       done, and the answer is no: a certificate does not verify, a check found a fault, the demo's
        outcome is not the expected one, an auction that was watched ended without an outcome
2       the command line itself is wrong (unknown option, missing argument)
3       a party refused: not logged in, not allowed, too late, unknown auction
4       a party could not be reached, or did not answer in time
5       a file, a setting or an answer is not usable: malformed, missing, contradictory
130     interrupted with Ctrl-C
143     ended by SIGTERM
======  ============================================================================================
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit status of a command; see the module's table."""

    DONE = 0
    ANSWER_IS_NO = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    UNUSABLE = 5
    INTERRUPTED = 130
    TERMINATED = 143
