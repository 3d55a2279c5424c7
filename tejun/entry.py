"""Where the `tejun` command starts: also an interrupt while it loads is told in words."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from tejun.cli import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write(
            "\ninterrupted: everything finished so far is kept; run the same command again to go on.\n"
        )
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
