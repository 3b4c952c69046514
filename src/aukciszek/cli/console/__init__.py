"""What all commands share: exit codes, options, reports for people and scripts, signals.

Knows no command.
"""
