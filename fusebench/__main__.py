"""``python -m fusebench``."""

from fusebench.cli import program

if __name__ == "__main__":
    program()
