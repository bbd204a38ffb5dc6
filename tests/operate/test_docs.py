"""The operator's page and the Grafana board name metrics that exist; other names are tested in `tests/docs`."""

import json
import re
from pathlib import Path

from oricode_service.log.gaps import Gaps
from oricode_service.observe.metrics import Metrics

PROJECT = Path(__file__).parents[2]
METRICS = Metrics()
METRICS.watch(
    lambda: dict.fromkeys(("runs_live", "runs_unwatched", "streams_open", "store_unavailable"), 0), dict, Gaps()
)
SHOWN = set(re.findall(r"^# TYPE (\S+)", METRICS.text().decode(), re.MULTILINE))


def test_every_metric_of_the_page_is_shown():
    page = (PROJECT / "docs/operating.md").read_text()
    table = page.partition("## Metrics")[2].partition("\n## ")[0]
    names = re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    assert len(names) > 15
    for name in names:
        assert f"oricode_{name}" in SHOWN, name


def test_the_grafana_board_asks_for_metrics_that_exist():
    board = json.loads((PROJECT / "deploy/grafana/oricode.json").read_text())
    asked = {
        name for panel in board["panels"] for t in panel["targets"] for name in re.findall(r"oricode_\w+", t["expr"])
    }
    shown = SHOWN | {name.removesuffix("_total") for name in SHOWN}
    for name in asked:
        assert name in shown or name.removesuffix("_bucket") in shown, name
