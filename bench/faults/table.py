"""The report: one table in Markdown, so that it can be pasted into docs/reliability.md as it is."""

from __future__ import annotations

from .drivers import Scene


def percentile(values: list[float], share: float) -> float:
    """Nearest rank; 0 for no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def table(scene: Scene, minutes: float) -> str:
    verdict, faults = scene.verdict, scene.faults
    starts = [kill.start_seconds for kill in scene.service.kills if kill.start_seconds]
    net = [total - start for total, start in scene.recovery]
    gross = [total for total, _ in scene.recovery]
    breaks: dict[str, int] = {}
    for proxy in scene.proxies:
        for name, count in proxy.done.items():
            breaks[name] = breaks.get(name, 0) + count
    rows: list[tuple[str, object]] = [
        ("seed", scene.seed),
        ("minutes", f"{minutes:.1f}"),
        ("kills of the service", len(scene.service.kills)),
        *[(f"… {name}", count) for name, count in sorted(faults.items())],
        ("connections cut", scene.cuts),
        *[(f"… {name}", count) for name, count in sorted(breaks.items())],
        ("runs", verdict.runs),
        ("viewers", verdict.viewers),
        ("resumes", verdict.resumes),
        ("events seen", verdict.seen),
        ("events lost", verdict.lost),
        ("events duplicated", verdict.duplicated),
        ("events altered", verdict.altered),
        ("out of order", verdict.disordered),
        ("wrong texts", verdict.wrong_text),
        ("runs or viewers without end", verdict.hanging),
        ("wrong terminal events or refusals", verdict.wrong_ends),
        ("effects that happened", verdict.effects),
        ("effects that happened twice", verdict.effects_twice),
        ("effects told wrongly", verdict.effects_untold),
        ("effects told as unknown", verdict.unknown),
        ("start of the process, median / p99 (s)", f"{percentile(starts, 0.5):.2f} / {percentile(starts, 0.99):.2f}"),
        ("kill to next event, median / p99 (s)", f"{percentile(gross, 0.5):.2f} / {percentile(gross, 0.99):.2f}"),
        ("… minus the start, median / p99 (s)", f"{percentile(net, 0.5):.2f} / {percentile(net, 0.99):.2f}"),
        ("… measured", len(net)),
    ]
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(["| | |", "| --- | ---: |", *lines])
