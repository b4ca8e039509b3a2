"""``python -m codemode``."""

from .cli import main

if __name__ == "__main__":
    main()
