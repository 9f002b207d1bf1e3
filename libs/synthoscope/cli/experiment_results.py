"""What an experiment came to, on the terminal."""

from synthoscope.api.experiments.v1.experiments_pb2 import ArmComparison, Experiment
from synthoscope.cli.console import console, short_name, state_name, table


def show_experiment(experiment: Experiment) -> None:
    """Prints the verdict, then every comparison, then what failed."""
    name = short_name(experiment.name)
    console.print(f"[bold]{name}[/bold]: {state_name(experiment.state)}, {_extent(experiment)}")
    for sentence in experiment.verdict:
        console.print(f"- {sentence}", highlight=False, markup=False)
    if experiment.comparisons:
        rows = table("on the test split", "real", "arm", "against", "points (95 %)", "p, Holm", "d", "finding")
        for item in experiment.comparisons:
            rows.add_row(f"{100 * item.share:g} %", item.arm, item.reference, *_figures(item), item.finding)
        console.print(rows)
    failed = [trial for trial in experiment.trials if trial.error]
    for trial in failed:
        console.print(f"failed: {trial.id}: {trial.error}", soft_wrap=True, highlight=False, markup=False)
    if experiment.cut_short:
        console.print("The budget ended before all runs were done.")
    if experiment.comparisons:
        console.print(f"All of it as a page: synthoscope experiment report {name} --out {name}.html", soft_wrap=True)


def _extent(experiment: Experiment) -> str:
    done = len(experiment.trials)
    chosen = f", {experiment.chosen_preset} takes part in all arms" if experiment.chosen_preset else ""
    return f"{done} runs{chosen}"


def _figures(item: ArmComparison) -> tuple[str, str, str]:
    interval = f"{100 * item.interval.low:+.1f} to {100 * item.interval.high:+.1f}"
    effect = f"{item.effect_size:+.2f}" if item.HasField("effect_size") else ""
    return f"{100 * item.difference:+.1f} ({interval})", f"{item.adjusted_p_value:.3f}", effect
