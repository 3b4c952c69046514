"""Everything that is wrong with the settings, collected before any of it is reported.

An operator who has to start a server five times to find five mistakes has been let down. Problems name the variable
and the remedy, and never quote the value of a secret.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aukciszek.errors import AukciszekError


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that is missing or wrong."""

    variable: str
    remedy: str


class SettingsError(AukciszekError):
    """The settings do not allow this party to start."""

    code = "settings"

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = [f"  {problem.variable}: {problem.remedy}" for problem in problems]
        count = "a setting needs" if len(problems) == 1 else f"{len(problems)} settings need"
        super().__init__("\n".join([f"{count} attention (see docs/settings.md):", *lines]))
        self.problems = tuple(problems)


class Reader:
    """Reads settings one by one and remembers what was wrong.

    Where a value is wrong, a stand-in takes its place, so that reading goes on; as long as there are problems, nothing
    that was read is used.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        # A variable that is there but empty was not filled in.
        self._values = {name: value.strip() for name, value in values.items() if value.strip()}
        self.problems: list[Problem] = []

    def is_given(self, variable: str) -> bool:
        """Tell whether the variable has a value."""
        return variable in self._values

    def is_sound(self, *variables: str) -> bool:
        """Tell whether no problem was found with any of the variables, so that others can be compared with them."""
        return not any(problem.variable in variables for problem in self.problems)

    def add(self, variable: str, remedy: str) -> None:
        """Remember a problem."""
        self.problems.append(Problem(variable, remedy))

    def required[Value](self, variable: str, parse: Callable[[str], Value], remedy: str, *, stand_in: Value) -> Value:
        """Read a setting that has no default."""
        if variable not in self._values:
            self.add(variable, f"is missing: {remedy}")
            return stand_in
        return self.optional(variable, parse, default=stand_in)

    def optional[Value](self, variable: str, parse: Callable[[str], Value], *, default: Value) -> Value:
        """Read a setting that may be missing. ``parse`` raises ValueError with the remedy as its text."""
        if variable in self._values:
            try:
                return parse(self._values[variable])
            except ValueError as error:
                self.add(variable, str(error))
        return default
