"""Run the command line as ``python -m tailnumber``."""

from tailnumber.cli import main

if __name__ == "__main__":
    main()
