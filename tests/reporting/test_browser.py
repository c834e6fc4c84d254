"""The pages in a real browser: no script fails, and what can be chosen can be chosen."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mmm_core.reporting.geo_page import render_geo_report
from mmm_core.reporting.html import render_report
from tests.reporting.decision_frames import geo_curve_frame
from tests.reporting.frames import decided_inputs
from tests.reporting.trust_frames import made_up_trust

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser found ({', '.join(BROWSERS)})")

CATCH = """<script>
window.problems = [];
addEventListener("error", (event) => window.problems.push(event.message));
addEventListener("securitypolicyviolation", (event) => window.problems.push(event.violatedDirective));
</script>"""
ASK = """<script>
(() => {
  const pick = (select, number) => { select.selectedIndex = number; select.dispatchEvent(new Event("change")); };
  const answers = {};
  const periods = document.querySelector('.choices[data-choose="Period"]');
  answers.periodsAtFirst = [...periods.querySelectorAll(".choice")].map((item) => !item.hidden);
  pick(periods.querySelector("select"), 1);
  answers.periodsThen = [...periods.querySelectorAll(".choice")].map((item) => !item.hidden);
  const limits = document.querySelector('table[data-table^="limits:"]');
  if (limits) {
    const rows = () => [...limits.tBodies[0].rows].filter((row) => row.offsetParent !== null).length;
    answers.rowsAtFirst = rows();
    limits.closest(".choice").querySelector("button.all").click();
    answers.rowsThen = rows();
  }
  for (const figure of document.querySelectorAll("figure.panels")) {
    const select = figure.querySelector("select");
    if (!select) continue;
    const before = figure.querySelector(".stage svg").getAttribute("aria-label");
    pick(select, 1);
    answers[figure.dataset.panels] = [before, figure.querySelector(".stage svg").getAttribute("aria-label")];
  }
  const key = document.querySelector('figure[data-panels="contributions"] button.key:nth-of-type(2)');
  key.click();
  answers.pressed = key.getAttribute("aria-pressed");
  const stage = document.querySelector('figure[data-panels="fit"] .stage');
  const box = stage.getBoundingClientRect();
  const middle = { bubbles: true, clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  stage.dispatchEvent(new PointerEvent("pointermove", middle));
  answers.tip = document.getElementById("tip").textContent;
  answers.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  answers.screen = window.innerWidth;
  answers.problems = window.problems;
  const element = document.createElement("pre");
  element.id = "answers";
  element.textContent = JSON.stringify(answers);
  document.body.append(element);
  parent.postMessage(element.textContent, "*");
})();
</script>"""


PHONE = """<!DOCTYPE html><html><body><iframe src="page.html" width="390" height="800"></iframe><script>
addEventListener("message", (event) => {
  const element = document.createElement("pre");
  element.id = "answers";
  element.textContent = event.data;
  document.body.append(element);
});
</script></body></html>"""
"""A window cannot be as narrow as a phone, a frame can."""


def browse(folder: Path, *arguments: str) -> str:
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        f"--user-data-dir={folder / 'profile'}", "--window-size=1280,900",
        "--virtual-time-budget=4000", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout


def answers(text: str, folder: Path, phone: bool = False) -> dict[str, object]:
    """What the page tells of itself after it was used."""
    asked = text.replace("<head>", f"<head>{CATCH}", 1).replace("</body>", f"{ASK}</body>", 1)
    (folder / "page.html").write_text(asked, encoding="utf-8")
    (folder / "phone.html").write_text(PHONE, encoding="utf-8")
    dom = browse(folder, "--dump-dom", (folder / ("phone.html" if phone else "page.html")).as_uri())
    found = re.search(r'<pre id="answers">(.*?)</pre>', dom, re.DOTALL)
    assert found, "the page's script did not get to its end"
    told: dict[str, object] = json.loads(html.unescape(found[1]))
    return told


@pytest.fixture(scope="module")
def report() -> str:
    inputs = decided_inputs(3, 60)
    return render_report(replace(inputs, trust=made_up_trust(inputs)), {"Geo0": "geos/Geo0.html"})


def test_the_report_works_in_a_browser(report: str, tmp_path: Path) -> None:
    told = answers(report, tmp_path)
    assert told["problems"] == []
    first = told["periodsAtFirst"]
    assert isinstance(first, list)
    assert first == [True] + [False] * (len(first) - 1)
    assert told["periodsThen"] == [False, True] + [False] * (len(first) - 2)
    assert told["rowsAtFirst"] == 5
    assert told["rowsThen"] == 7
    assert told["fit"] == [
        "Actual and predicted conversions, All 3 geos",
        "Actual and predicted conversions, Geo0",
    ]
    assert told["contributions"] == ["Contributions, All 3 geos", "Contributions, Geo0"]
    assert told["forecast"] == ["Forecast under Current plan", "Forecast under Current budget"]
    assert told["pressed"] == "true"
    assert str(told["tip"]).startswith("Week of ")
    assert told["wide"] == 0


def test_a_phone_shows_the_report_without_scrolling_sideways(report: str, tmp_path: Path) -> None:
    told = answers(report, tmp_path, phone=True)
    assert told["problems"] == []
    assert told["screen"] == 390
    assert told["wide"] == 0


def test_a_geos_page_works_in_a_browser(tmp_path: Path) -> None:
    inputs = decided_inputs(2, 60)
    told = answers(render_geo_report(inputs, "Geo1", geo_curve_frame(inputs), "report.html"), tmp_path)
    assert told["problems"] == []
    assert told["wide"] == 0


def test_the_report_can_be_printed(report: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(report, encoding="utf-8")
    browse(tmp_path, f"--print-to-pdf={tmp_path / 'page.pdf'}", (tmp_path / "page.html").as_uri())
    printed = (tmp_path / "page.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert 6 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 30


def test_without_the_script_everything_can_be_read(report: str, tmp_path: Path) -> None:
    """The script alone hides parts, so nothing is hidden in the file itself but tips and further geos' charts."""
    hidden = re.findall(r"<(\w+)[^>]*\shidden[ >=]", re.sub(r"<script.*?</script>", "", report, flags=re.DOTALL))
    assert hidden == ["div"]  # the tip
