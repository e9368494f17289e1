import builtins
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import report_examples as examples

from edgekit.report.document import Report
from edgekit.report.render import report_html, write_report

VOID = {"meta", "br", "img", "link", "hr", "input"}
LOADING = {"script", "link", "img", "iframe", "object", "embed", "video", "audio", "source", "base"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(params=["full_report", "bare_report", "hostile_report"])
def report(request: pytest.FixtureRequest) -> Report:
    return request.getfixturevalue(request.param)


def test_the_page_is_well_formed_and_loads_nothing(report: Report) -> None:
    text = report_html(report)
    page = Page(text)
    assert not LOADING & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"@import|url\((?!#)|https?://", text)


def test_ids_are_unique_and_every_reference_has_its_target(report: Report) -> None:
    text = report_html(report)
    page = Page(text)
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'(?:href="#|url\(#)([^")]+)', text)
    wanted += [name for _, a in page.elements for name in (a.get("aria-labelledby") or "").split()]
    assert set(wanted) <= set(ids)


def test_the_page_can_be_read_without_seeing_it(full_report: Report) -> None:
    page = Page(report_html(full_report))
    assert page.all("html") == [{"lang": "en"}]
    assert (
        len(page.all("header")) == len(page.all("main")) == len(page.all("nav")) == len(page.all("h1")) == 1
    )
    assert all(a.get("scope") in ("col", "row", "colgroup") for a in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    pictures = page.all("svg")
    assert len(pictures) == 6  # three, each wide and narrow
    assert all(a["role"] == "img" and a["aria-labelledby"] for a in pictures)
    assert len(page.all("title")) == 1 + len(pictures) == 1 + len(page.all("desc"))


def test_hostile_text_stays_text(hostile_report: Report) -> None:
    text = report_html(hostile_report)
    assert "<script" not in text
    assert not set(text) & {"\u202e", "\u2066", "\x07"}
    assert '<script>alert("x")</script>' in "".join(Page(text).words)


def test_the_result_comes_first_in_plain_words(full_report: Report) -> None:
    text = report_html(full_report).replace("\u202f", " ")
    lead = (
        "The student keeps 98.9 % of its teacher’s accuracy (95 % interval 97.2 to 100.4 %); its int8 ONNX "
        "file is 5.2× smaller and 3.2× faster than the teacher’s fp32 ONNX."
    )
    assert lead in text
    assert text.index(lead) < text.index("<h2")
    assert "gained 1.9 points (95 % interval 0.3 to 3.5)" in text


def test_a_file_that_was_not_run_is_never_called_verified(full_report: Report) -> None:
    coreml = [a for a in full_report.artifacts if a.target == "coreml"]
    text = report_html(full_report.model_copy(update={"artifacts": tuple(coreml)}))
    assert '"good">verified' not in text and "<bdi>verified</bdi>" not in text
    assert "0 of 2 exported files were run and verified." in text
    assert text.count("<bdi>not executed</bdi>") == 4  # step by step, and parity


def test_a_rejected_file_says_why(full_report: Report) -> None:
    spoiled = full_report.artifacts[2].model_copy(
        update={"rejected": True, "rejected_because": "loses 3.1 points; the gate allows 1.0"}
    )
    artifacts = (*full_report.artifacts[:2], spoiled)
    text = report_html(full_report.model_copy(update={"artifacts": artifacts}))
    assert "Rejected: student-onnx-int8." in text
    assert "loses 3.1 points; the gate allows 1.0" in text
    assert "its fp32 ONNX file is" in text  # the headline speaks of a file that ships


def test_a_gain_within_noise_is_not_claimed(full_report: Report) -> None:
    for low, high, said in ((-0.4, 1.2, "from chance"), (-2.0, -0.5, "did not pay")):
        gain = full_report.gain_over_label_only
        assert gain is not None
        changed = gain.model_copy(update={"value": (low + high) / 2, "low": low, "high": high})
        assert said in report_html(full_report.model_copy(update={"gain_over_label_only": changed}))


def test_the_same_report_makes_the_same_bytes(full_report: Report, tmp_path: Path) -> None:
    first = [p.read_bytes() for p in write_report(full_report, tmp_path / "a")]
    second = [p.read_bytes() for p in write_report(examples.full(), tmp_path / "b")]
    assert first == second


def test_three_files_and_nothing_else_are_written(full_report: Report, tmp_path: Path) -> None:
    written = write_report(full_report, tmp_path)
    assert [p.name for p in written] == ["report.json", "report.html", "report.md"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in written)
    assert Report.model_validate_json(written[0].read_bytes()) == full_report


def test_without_matplotlib_the_page_says_what_to_install(
    full_report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    page = Page(report_html(full_report))
    assert page.all("svg") == []
    assert 'pip install "edgekit[report]"' in "".join(page.words)


CSS = Path(examples.__file__).parents[2] / "edgekit/report/templates/report.css"


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_every_text_colour_has_contrast_aa(theme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", CSS.read_text(encoding="utf-8"), re.DOTALL)[theme]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", block))
    for name in ("ink", "muted", "student", "teacher", "baseline", "good", "bad"):
        for ground in ("paper", "panel"):
            light, dark = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)
