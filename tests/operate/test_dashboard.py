"""The dashboard's page and numbers, from the real service on a simulated week."""

import subprocess
import sys
from pathlib import Path

import httpx
from clients.real_service import ORICODE, RealService

PROJECT = Path(__file__).parents[2]


async def test_only_an_administrator_sees_the_numbers(tmp_path):
    async with RealService(tmp_path) as service:
        made = [ORICODE, "keys", "create", "--user", "anna", "--data-dir", str(tmp_path)]
        plain = subprocess.run(made, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
            path = "/api/admin/overview"
            assert (await http.get(path)).status_code == 401
            assert (await http.get(path, headers={"X-API-Key": plain})).json()["code"] == "forbidden"
            assert (await http.get(path, headers={"X-API-Key": service.key})).status_code == 200
            for days in ("0", "91", "x", "١"):
                odd = await http.get(path, params={"days": days}, headers={"X-API-Key": service.key})
                assert odd.status_code == 400, days


async def test_the_page_is_as_strict_as_the_playground_and_everything_it_loads_is_there(tmp_path):
    async with RealService(tmp_path) as service, httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        page, playground = await http.get("/dashboard"), await http.get("/")
        assert page.headers["content-security-policy"] == playground.headers["content-security-policy"]
        for name in ("app.js", "element.js", "plot.js", "dashboard.css"):
            assert (await http.get(f"/pages/dashboard/{name}")).status_code == 200
        assert " style=" not in page.text
        assert "<script>" not in page.text


async def test_a_simulated_week_shows_both_arms_and_the_report_says_the_same(tmp_path):
    fill = [sys.executable, str(PROJECT / "bench" / "simulate_week.py"), str(tmp_path)]
    subprocess.run(fill, capture_output=True, timeout=60, check=True)
    async with RealService(tmp_path) as service:
        made = [ORICODE, "keys", "create", "--user", "boss", "--admin", "--data-dir", str(tmp_path)]
        key = subprocess.run(made, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
        async with httpx.AsyncClient(base_url=service.url, headers={"X-API-Key": key}, timeout=30) as http:
            data = (await http.get("/api/admin/overview?days=8")).json()
    json_arm, streaming = data["arms"]["json"], data["arms"]["streaming"]
    assert streaming["timeouts"] == 0
    assert json_arm["timeouts"] == json_arm["causes"]["connection"] > 0
    for arm in ("json", "streaming"):
        assert sum(part["arms"][arm]["runs"] for part in data["series"]) == data["arms"][arm]["runs"] > 0
    report = [ORICODE, "report", "--days", "8", "--data-dir", str(tmp_path)]
    said = subprocess.run(report, capture_output=True, text=True, timeout=60, check=True).stdout
    rates = next(line for line in said.splitlines() if line.startswith("timeout rate"))
    assert rates.split() == ["timeout", "rate", f"{json_arm['timeout_rate'] * 100:.2f}", "%", "0.00", "%"]
