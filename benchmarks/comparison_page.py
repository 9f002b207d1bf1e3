"""The page of the comparison of GAN presets: a table and a plot, made of its rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from synthoscope.gan.presets import DEFAULT_PRESET

Row = Mapping[str, Any]

OVERALL = "overall"


def write_page(json_file: Path, facts: Mapping[str, Any], rows: Sequence[Row], of_the_seeds: Sequence[str]) -> None:
    """Writes `.md` and `.svg` beside the JSON file: presets by their mean Fréchet ratio, the best first."""
    order = sorted({row["preset"] for row in rows}, key=lambda preset: _mean(rows, preset, "frechet", OVERALL, "ratio"))
    classes = [name for name in rows[0]["measurement"]["frechet"] if name != OVERALL]
    _plot(rows, order, classes).savefig(json_file.with_suffix(".svg"))
    json_file.with_suffix(".md").write_text(_page(json_file.stem, facts, rows, order, classes, of_the_seeds))


def _page(
    name: str,
    facts: Mapping[str, Any],
    rows: Sequence[Row],
    order: Sequence[str],
    classes: Sequence[str],
    of_the_seeds: Sequence[str],
) -> str:
    seeds = sorted({row["seed"] for row in rows})
    kimg = sorted({row["kimg"] for row in rows})
    floor = rows[0]["measurement"]["frechet"]
    head = [
        "preset",
        "seeds",
        "batch",
        "steps",
        "FD ratio",
        "KID excess",
        *classes,
        "coverage",
        "MS-SSIM",
        "CPU s/kimg",
    ]
    lines = [
        "# GAN presets compared",
        "",
        f"{facts['data']}: {facts['images']} images at {facts['side']} px, version `{facts['dataset_version']}`; "
        f"{kimg[0]} to {kimg[-1]} thousand images a run, seeds {', '.join(map(str, seeds))}; "
        f"{facts['generated_per_class']} images of each class measured with {rows[0]['measurement']['extractor']}.",
        "",
        "FD ratio is the Fréchet distance over that of two halves of the real images, a perfect generator's being 1; a",
        "class's column is the same within the class. KID excess is in standard deviations of its floor. MS-SSIM of",
        f"pairs tells of collapse where it is far above the real images' {_real_similarity(rows):.2f}. Means over",
        "seeds, ± half the range. Every preset has the same images, not the same number of steps: batches are its own.",
        "The fields of the default preset were chosen on this split by this distance, with another seed; those of the",
        "others are their papers', untuned. So the default is flattered.",
        "",
        *_standing(order, of_the_seeds),
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(_line(rows, preset, classes, preset in of_the_seeds) for preset in order),
        "",
        "KID excess within the classes:",
        "",
        f"| preset | {' | '.join(classes)} |",
        f"|{'---|' * (1 + len(classes))}",
        *(_kernel_line(rows, preset, classes) for preset in order),
        "",
        f"(s): of a seed paper. The floor itself: {floor[OVERALL]['floor']:.1f} overall, "
        + ", ".join(f"{label} {floor[label]['floor']:.1f}" for label in classes)
        + f". Configurations and all figures: [{name}.json]({name}.json).",
        "",
        f"![Fréchet ratios by preset and class]({name}.svg)",
        "",
    ]
    return "\n".join(lines)


def _standing(order: Sequence[str], of_the_seeds: Sequence[str]) -> list[str]:
    """Whether the default is ahead of the seed papers' presets, in sentences."""
    standing = []
    for default in (preset for preset in order if preset.partition(":")[0] == DEFAULT_PRESET):
        before = [preset for preset in order[: order.index(default)] if preset in of_the_seeds]
        behind = (
            f"**not ahead** of {' and '.join(f'`{preset}`' for preset in before)}" if before else "ahead of all here"
        )
        why = "[why](../../docs/gans.md#recorded-comparison)"
        standing.append(f"Of the seed papers' presets the default, `{default}`, is {behind}: {why}.")
    return standing


def _line(rows: Sequence[Row], preset: str, classes: Sequence[str], of_a_seed: bool) -> str:
    own = [row for row in rows if row["preset"] == preset]
    ratios = [row["measurement"]["frechet"][OVERALL]["ratio"] for row in own]
    cells = [
        f"`{preset}`{' (s)' if of_a_seed else ''}",
        str(len(own)),
        f"{own[0]['config']['batch_size']:.0f}",
        f"{1000 * own[0]['kimg'] / own[0]['config']['batch_size']:.0f}",
        f"**{np.mean(ratios):.1f}**" + (f" ± {np.ptp(ratios) / 2:.1f}" if len(own) > 1 else ""),
        f"{_mean(rows, preset, 'kernel', OVERALL, 'excess'):.0f}",
        *(f"{_mean(rows, preset, 'frechet', label, 'ratio'):.1f}" for label in classes),
        f"{_mean(rows, preset, 'support', OVERALL, 'generated', 'coverage'):.2f}",
        f"{_mean(rows, preset, 'similarity', OVERALL, 'generated'):.2f}",
        f"{np.mean([row['cpu_seconds_per_kimg'] for row in own]):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _kernel_line(rows: Sequence[Row], preset: str, classes: Sequence[str]) -> str:
    excesses = (f"{_mean(rows, preset, 'kernel', label, 'excess'):.0f}" for label in classes)
    return f"| `{preset}` | {' | '.join(excesses)} |"


def _plot(rows: Sequence[Row], order: Sequence[str], classes: Sequence[str]) -> Figure:
    figure = Figure(figsize=(8, 0.45 * len(order) + 1.2), layout="constrained")
    axis = figure.subplots()
    for shift, label in enumerate([OVERALL, *classes]):
        points = [
            (place + 0.13 * (shift - len(classes) / 2), row["measurement"]["frechet"][label]["ratio"])
            for place, preset in enumerate(order)
            for row in rows
            if row["preset"] == preset
        ]
        heights, ratios = zip(*points, strict=True)
        axis.scatter(ratios, heights, s=28 if label == OVERALL else 12, label=label, zorder=2)
    axis.axvline(1, color="grey", linewidth=0.8)
    axis.set_yticks(range(len(order)), order)
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel="Fréchet distance over its real-real floor (1: as real images)")
    axis.grid(axis="x", which="both", alpha=0.2)
    axis.legend(frameon=False, fontsize=8)
    return figure


def _mean(rows: Sequence[Row], preset: str, *path: str) -> float:
    return float(np.mean([_at(row["measurement"], path) for row in rows if row["preset"] == preset]))


def _at(report: Any, path: Sequence[str]) -> float:
    for key in path:
        report = report[key]
    return float(report)


def _real_similarity(rows: Sequence[Row]) -> float:
    return float(rows[0]["measurement"]["similarity"][OVERALL]["real"])
