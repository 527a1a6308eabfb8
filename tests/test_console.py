"""Progress as the terminal shows it."""

from air_core.commands.console import progress_bar


def test_a_step_whose_note_counts_keeps_its_line(capsys):
    with progress_bar() as report:
        for step in range(5):
            report(step, 5, f"t-SNE, step {step} of 5")
        report(1, 1, "Writing")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert [line.split("  ")[0].split(" ━")[0].split(" ╸")[0].strip() for line in lines] == [
        "t-SNE, step 4 of 5", "Writing",
    ]  # fmt: skip
