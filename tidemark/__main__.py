"""`python -m tidemark`."""

from tidemark.cli import main

if __name__ == "__main__":
    main()
