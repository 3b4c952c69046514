"""How one party is set up: read once at start, checked as a whole, then passed in wherever it is needed.

Every variable is listed in ``docs/settings.md``. :func:`load_settings` reads the environment and the file ``.env`` and
reports everything that is wrong at once, each with its remedy.
"""

from aukciszek.settings.loading import load_settings
from aukciszek.settings.model import Listener, Settings
from aukciszek.settings.problems import Problem, SettingsError
from aukciszek.settings.variables import VARIABLES

__all__ = ["VARIABLES", "Listener", "Problem", "Settings", "SettingsError", "load_settings"]
