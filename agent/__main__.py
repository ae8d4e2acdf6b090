"""`python -m agent` is `hushwatt`."""

from agent.cli import main

if __name__ == "__main__":
    main()
