"""The report: one table in Markdown, so that it can be pasted into docs/scaling.md as it is."""

from __future__ import annotations

from bench.faults.table import percentile

from .watching import Scene


def table(scene: Scene, minutes: float, lease: float, takeovers: int, handovers: int) -> str:
    """``takeovers``: by the database's count of runs taken from dead instances; ``handovers``: from leaving ones."""
    verdict = scene.verdict
    rows: list[tuple[str, object]] = [
        ("seed", scene.seed),
        ("minutes", f"{minutes:.1f}"),
        ("instances, lease", f"{len(scene.cluster.instances)}, {lease:g} s"),
        *sorted(scene.faults.items()),
        ("runs", verdict.runs),
        ("viewers", verdict.viewers),
        ("reconnections", verdict.resumes),
        ("**takeovers**", takeovers),
        ("handovers", handovers),
        ("events seen", verdict.seen),
        ("**events lost**", verdict.lost),
        ("**events duplicated**", verdict.duplicated),
        ("events altered", verdict.altered),
        ("out of order", verdict.disordered),
        ("wrong texts", verdict.wrong_text),
        ("**runs or viewers without end**", verdict.hanging),
        ("wrong terminal events or refusals", verdict.wrong_ends),
        ("effects that happened", verdict.effects),
        ("**effects that happened twice**", verdict.effects_twice),
        ("effects told wrongly", verdict.effects_untold),
        ("effects told as unknown", verdict.unknown),
        *[
            (f"{kind} to next event, median / p90 / max (s), n={len(waits)}", _three(waits))
            for kind, waits in sorted(scene.waits.seconds.items())
        ],
        (
            f"SIGTERM to first event of the next owner, median / p90 / max (s), n={len(scene.moves)}",
            _three(scene.moves),
        ),
        (f"SIGTERM to the end of the process, median / p90 / max (s), n={len(scene.exits)}", _three(scene.exits)),
    ]
    return "\n".join(["| | |", "| --- | ---: |", *(f"| {name} | {value} |" for name, value in rows)])


def _three(values: list[float]) -> str:
    return " / ".join(f"{percentile(values, share):.2f}" for share in (0.5, 0.9, 1.0))
