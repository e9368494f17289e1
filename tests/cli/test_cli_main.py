"""The group: its table, its laziness, and what it does with whatever a command raises."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from edgekit.cli.lazy import LazyGroup, wants_json
from edgekit.cli.main import COMMANDS, main

HEAVY = {
    "torch",
    "transformers",
    "onnx",
    "onnxruntime",
    "coremltools",
    "optimum",
    "sklearn",
    "scipy",
    "numpy",
    "pyarrow",
    "pydantic",
    "rich",
    "ruamel",
    "psutil",
    "huggingface_hub",
    "packaging",
    "importlib.metadata",
}

# Commands of a made-up program, each a file that the group imports when it's called.
FILES = {
    "fine": "def run(): click.echo('done')",
    "coded": "def run(): return 9",
    "known": "def run(): raise RecipeError('It is bad.', remedy='Make it good.', problems=('one', 'two'))",
    "bug": "def run(): raise ValueError('oh no')",
    "absent": "def run(): import surely_not_installed",
    "unread": "def run(): open('/nonexistent/file')",
    "full": "def run(): raise OSError(28, 'No space left on device')",
    "pipe": "def run(): raise BrokenPipeError(32, 'Broken pipe')",
    "chatty": "def run():\n    for i in range(100_000): click.echo(f'line {i}')",
    "slow": "def run():\n    click.echo('begun')\n    import time\n    time.sleep(60)",
    "hushed": "def run():\n    import os\n    click.echo(os.environ['TRANSFORMERS_VERBOSITY'])",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    package = tmp_path / "made_up"
    package.mkdir()
    for name, body in FILES.items():
        (package / f"{name}.py").write_text(
            f"import click\nfrom edgekit.errors import RecipeError\n{body}\n"
            "command = click.Command('x', callback=lambda as_json: run(),"
            " params=[click.Option(['--json', 'as_json'], is_flag=True)])\n"
        )
    (tmp_path / "program.py").write_text(
        "from edgekit.cli.lazy import LazyGroup\n"
        f"table = {[(name, 'Help of ' + name) for name in FILES]!r}\n"
        "LazyGroup(commands_table=table, package='made_up', name='program').main()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "made_up"]:
        del sys.modules[name]


@pytest.fixture
def call(folder):
    group = LazyGroup(commands_table=[(name, "") for name in FILES], package="made_up", name="program")
    return lambda *words: CliRunner().invoke(group, list(words))


def start(folder, *words, **settings):
    environment = {k: v for k, v in os.environ.items() if k != "EDGEKIT_DEBUG"} | {"PYTHONPATH": str(folder)}
    return subprocess.Popen(
        [sys.executable, str(folder / "program.py"), *words],
        env=environment,
        text=True,
        # A test run started in the background may ignore Ctrl-C, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **settings,
    )


def test_help_lists_every_command_in_the_order_of_the_table():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    at = [result.output.index(f"\n  {name} ") for name, _ in COMMANDS]
    assert at == sorted(at)
    assert all(line in result.output for _, line in COMMANDS)
    assert "Examples:" in result.output
    assert CliRunner().invoke(main, []).output == result.output


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["expotr"], []])
def test_nothing_heavy_is_imported_for_help(words):
    code = (
        "import sys\nfrom edgekit.cli.main import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        f"print('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_help_of_a_command_imports_nothing_heavy(name):
    code = (
        "import sys, importlib.util\n"
        f"if importlib.util.find_spec('edgekit.cli.{name}') is None: sys.exit()\n"
        "from edgekit.cli.main import main\n"
        f"try: main([{name!r}, '--help'])\nexcept SystemExit as end: print('CODE', end.code)\n"
        f"print('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if done.stdout:  # else its file is not there yet
        assert done.stdout.splitlines()[-2:] == ["CODE 0", "LOADED []"]
        assert "Example" in done.stdout


def test_version():
    from edgekit import __version__

    assert CliRunner().invoke(main, ["--version"]).output == f"edgekit {__version__}\n"


def test_python_dash_m():
    done = subprocess.run(
        [sys.executable, "-m", "edgekit", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: edgekit ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["expotr"], "Error: No such command 'expotr'. Did you mean 'export'?\nSee: edgekit --help\n"),
        (["zzz"], "Error: No such command 'zzz'.\nSee: edgekit --help\n"),
    ],
)
def test_a_mistyped_command(words, said):
    result = CliRunner().invoke(main, words, prog_name="edgekit")
    assert result.exit_code == 2
    assert result.stderr == said and result.stdout == ""


def test_a_mistyped_flag():
    result = CliRunner().invoke(main, ["recipes", "ls", "--jsno"], prog_name="edgekit")
    assert result.exit_code == 2
    assert "--jsno" in result.stderr and "Did you mean '--json'?" in result.stderr
    assert result.stderr.endswith("See: edgekit recipes ls --help\n")


def test_a_command_is_imported_when_it_is_called(call):
    assert "made_up.fine" not in sys.modules
    assert call("fine").output == "done\n"
    assert "made_up.fine" in sys.modules and "made_up.bug" not in sys.modules


def test_other_libraries_are_hushed_before_a_command_is_imported(call, monkeypatch):
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "x")
    monkeypatch.delenv("TRANSFORMERS_VERBOSITY")
    assert call("hushed").output == "error\n"


@pytest.mark.parametrize(
    ("name", "code", "stderr"),
    [
        ("fine", 0, ""),
        ("coded", 9, ""),
        ("known", 2, "Error: It is bad.\nMake it good.\n"),
        (
            "bug",
            70,
            "Error: This is a bug in edgekit: ValueError: oh no\n"
            "Set EDGEKIT_DEBUG=1 and run the same command again to see the traceback; please report it.\n",
        ),
        (
            "absent",
            3,
            "Error: The Python package 'surely_not_installed' is needed here and is not installed.\n"
            "See what is missing, and the command that installs it, with: edgekit doctor\n",
        ),
        (
            "unread",
            1,
            "Error: /nonexistent/file: No such file or directory.\nCheck the path and its permissions.\n",
        ),
        ("full", 11, "Error: The disk is full.\nFree some space and run the same command again.\n"),
    ],
)
def test_errors_are_a_fact_and_a_remedy(call, monkeypatch, name, code, stderr):
    monkeypatch.delenv("EDGEKIT_DEBUG", raising=False)
    result = call(name)
    assert (result.exit_code, result.stderr) == (code, stderr)


def test_errors_as_json(call):
    result = call("known", "--json")
    assert result.exit_code == 2 and result.stderr == ""
    assert json.loads(result.stdout) == {
        "error": {
            "type": "RecipeError",
            "fact": "It is bad.",
            "remedy": "Make it good.",
            "exit_code": 2,
            "problems": ["one", "two"],
        }
    }
    result = call("known", "--json", "--nope")
    assert json.loads(result.stdout)["error"]["exit_code"] == result.exit_code == 2


def test_json_after_two_dashes_is_an_argument():
    assert wants_json(["ls", "--json"])
    assert not wants_json(["predict", "--", "--json"])


def test_debug_shows_the_traceback_as_well(call, monkeypatch):
    monkeypatch.setenv("EDGEKIT_DEBUG", "1")
    result = call("known")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr and result.stderr.endswith("Error: It is bad.\nMake it good.\n")


def test_ctrl_c(folder):
    process = start(folder, "slow", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr.strip() == "Stopped. Run the same command again to continue."


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_hangs_up(folder, monkeypatch, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    process = start(folder, "chatty", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=20) == 141


def test_another_broken_pipe_is_no_quiet_matter(folder):
    process = start(folder, "pipe", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 70
    assert "a pipe to another process broke" in stderr


def test_a_closed_stdout(folder):
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} {folder / 'program.py'} fine >&-"], check=False
    )
    assert done.returncode == 0
