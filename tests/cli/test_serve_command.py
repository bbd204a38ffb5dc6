"""``oricode serve`` before the service itself starts."""

import sys
from types import ModuleType

import pytest
from click.testing import CliRunner
from oricode_service.commands.serve import serve


@pytest.fixture
def served(monkeypatch):
    """The settings that the application was started with, instead of a running one."""
    seen = []
    app = ModuleType("oricode_service.app")
    app.serve = lambda settings: seen.append(settings) or 70
    monkeypatch.setitem(sys.modules, "oricode_service.app", app)
    monkeypatch.setattr("oricode_service.app", app, raising=False)
    return seen


def test_flags_and_variables_reach_the_application_and_its_exit_code_is_ours(served):
    arguments = ["--host", "::1", "--port", "0", "--data-dir", "d", "--model", "demo"]
    done = CliRunner().invoke(serve, arguments, env={"ORICODE_HEARTBEAT_SECONDS": "0.5"})
    assert done.exit_code == 70
    settings = served[0]
    assert (settings.host, settings.port, str(settings.data_dir), settings.model) == ("::1", 0, "d", "demo")
    assert settings.heartbeat_seconds == 0.5


def test_a_misspelt_variable_is_a_warning_and_the_service_starts(served):
    done = CliRunner().invoke(serve, [], env={"ORICODE_HEARTBEAT": "5"})
    assert "did you mean ORICODE_HEARTBEAT_SECONDS?" in done.stderr
    assert served


@pytest.mark.parametrize(
    ("arguments", "variables", "line"),
    [
        (["--port", "abc"], {}, "bad setting --port=abc: "),
        ([], {"ORICODE_PORT": "abc"}, "bad setting ORICODE_PORT=abc: "),
        (["--database-url", "mysql://root:pw@host/db"], {}, "bad setting --database-url: "),
    ],
)
def test_a_bad_setting_is_one_line_on_stderr_and_exit_code_2(oricode, arguments, variables, line):
    done = oricode("serve", *arguments, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"oricode: {line}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("held", [None, "oricode.db"], ids=["a file in its place", "a database that is none"])
def test_a_data_directory_that_cannot_be_used_is_one_line_and_exit_code_2(oricode, tmp_path, held):
    folder = tmp_path / "folder"
    if held is None:
        folder.write_text("no folder")
    else:
        folder.mkdir()
        (folder / held).write_text("no database, however long it is")
    done = oricode("serve", "--port", 0, "--data-dir", folder, "--model", "echo")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"oricode: the data directory {folder} cannot be used: ")
    assert "Traceback" not in done.stderr
