"""What a terminal is given cannot steer it."""

from __future__ import annotations

import pytest

from tejun.output import print_table


def test_names_and_cells_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["[bold]user", "\x1b[2J"], [["[red]z[/red]", "a\x1b]0;title\x07b"]])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    for text in ("[bold]user", "\\x1b[2J", "[red]z[/red]", "a\\x1b]0;title\\x07b"):
        assert text in shown
