"""``python -m aukciszek.cli``: the same as the console script, for where the script is not on the path."""

from aukciszek.cli.main import main

if __name__ == "__main__":
    main()
