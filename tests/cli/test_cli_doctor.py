"""`edgekit doctor`, on this machine and on worse ones."""

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit.cli import diagnosis
from edgekit.cli.diagnosis import Package, cache_folder, packages, targets
from edgekit.cli.main import main


def doctor(*words):
    return CliRunner().invoke(main, ["doctor", *words], prog_name="edgekit")


def test_json_tells_what_is_installed_here():
    result = doctor("--json")
    told = json.loads(result.stdout)
    by_name = {p["name"]: p for p in told["packages"]}
    assert by_name["torch"]["installed"] == metadata.version("torch") == told["gpu"]["torch"]
    assert by_name["torch"]["extra"] is None and by_name["onnx"]["extra"] == "onnx"
    assert "pytest" not in by_name and "edgekit" not in by_name
    assert told["core_works"] is (result.exit_code == 0) is (not told["missing"])
    assert told["processor"]["usable_cores"] >= 1
    assert told["memory"]["total_bytes"] > 1e8 and told["disk"]["here_free_bytes"] > 0
    assert {t["name"] for t in told["targets"]} == {"onnx", "coreml", "coreai"}


def test_text_names_every_package_and_target():
    result = doctor()
    for word in (*(p.name for p in packages()), "coreml", "Memory", "Cache", "core works"):
        assert word in result.stdout


@pytest.mark.parametrize(
    ("installed", "tested", "state"),
    [
        ("2.13.0", "2.13.0", "ok"),
        ("2.13.0+cpu", "2.13.0", "ok"),
        ("2.13.0", None, "ok"),
        ("2.12.0", "2.13.0", "untested"),
        ("2.14.0.dev1", "2.13.0", "untested"),
        ("2.4.0", "2.13.0", "not allowed"),
        (None, "2.13.0", "missing"),
    ],
)
def test_state_of_a_package(installed, tested, state):
    package = Package("torch", None, installed, ">=2.8", tested)
    assert package.state == state
    assert package.usable is (state in ("ok", "untested"))


def _without(name):
    return tuple(
        Package(p.name, p.extra, None if p.name == name else p.installed, p.allowed, None) for p in packages()
    )


def test_a_missing_core_package_is_exit_code_3(monkeypatch):
    lacking = _without("safetensors")
    monkeypatch.setattr(diagnosis, "packages", lambda: lacking)
    result = doctor()
    assert result.exit_code == 3
    assert 'safetensors is missing; install it with: pip install "safetensors>=0.5"' in result.stdout
    assert "The core does not work" in result.stdout


def test_a_missing_extra_is_not_but_says_what_to_install(monkeypatch):
    lacking = _without("onnxruntime")
    onnx = next(t for t in targets(lacking) if t.name == "onnx")
    assert (onnx.write, onnx.run, onnx.install) == (False, False, 'pip install "edgekit[onnx]"')
    monkeypatch.setattr(diagnosis, "packages", lambda: lacking)
    assert 'pip install "edgekit[onnx]"' in doctor().stdout


@pytest.mark.parametrize(
    ("system", "write", "run"), [("linux", True, False), ("darwin", True, True), ("win32", False, False)]
)
def test_core_ml_runs_on_macos_alone(monkeypatch, system, write, run):
    everything = tuple(Package(p.name, p.extra, p.installed or "999", ">0", None) for p in packages())
    monkeypatch.setattr(sys, "platform", system)
    coreml = next(t for t in targets(everything) if t.name == "coreml")
    assert (coreml.write, coreml.run, coreml.install) == (write, run, "")


def test_tested_versions_come_from_the_constraints(tmp_path, monkeypatch):
    (tmp_path / "edgekit").mkdir()
    monkeypatch.setattr(diagnosis.edgekit, "__file__", str(tmp_path / "edgekit" / "__init__.py"))
    assert diagnosis.tested_versions() == {}
    (tmp_path / "constraints.txt").write_text(
        "# tested\ntorch==2.13.0\nruamel.yaml==0.19.1  # YAML\nnumpy<2.4\ncolorama==0.4 ; os_name == 'x'\n"
    )
    assert diagnosis.tested_versions() == {"torch": "2.13.0", "ruamel-yaml": "0.19.1", "colorama": "0.4"}


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"EDGEKIT_CACHE": "/big/disk"}, "/big/disk"),
        ({"EDGEKIT_CACHE": "~/here"}, "/users/me/here"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/edgekit"),
        ({"XDG_CACHE_HOME": "relative"}, "/users/me/.cache/edgekit"),
        ({}, "/users/me/.cache/edgekit"),
    ],
)
def test_cache_folder(monkeypatch, environment, folder):
    for name in ("EDGEKIT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/users/me")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)


def test_the_size_of_the_cache(monkeypatch, tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 1500)
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    assert diagnosis.disk()["cache_bytes"] == 1500
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "not" / "there"))
    assert diagnosis.disk()["cache_bytes"] == 0 and diagnosis.disk()["cache_free_bytes"] > 0
