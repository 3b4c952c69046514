"""``aukciszek demo``: a whole auction on this machine, narrated for a procurement officer.

Runs real parties as processes; its command line is :mod:`aukciszek.cli.demo`.
"""
