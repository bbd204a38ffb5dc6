"""Settings: where they come from, what is refused, and that the page about them is true."""

import re
from pathlib import Path

import click
import pytest
from oricode_service.commands.keys import create
from oricode_service.commands.serve import serve
from oricode_service.setting_values import ApprovalRule
from oricode_service.settings import GROUPS, BadSetting, Settings, misspelt, variables
from oricode_service.settings_page import main as settings_page
from pydantic import ValidationError

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def refusal(**environment: str) -> str:
    with pytest.raises(BadSetting) as refused:
        Settings.read(environment)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_defaults_are_those_of_the_product():
    settings = Settings.read({})
    assert (settings.host, settings.port, settings.heartbeat_seconds) == ("127.0.0.1", 8000, 15)
    assert (settings.rate_limit, settings.max_concurrent_runs) == ("600/minute", 200)
    assert (settings.max_body_bytes, settings.max_tokens) == (1024 * 1024, 8192)
    assert settings.approvals == (ApprovalRule("*", "auto"),)
    assert settings.database_url is settings.anthropic_api_key is settings.model is None
    assert min(settings.max_connections, settings.max_connections_per_key, settings.max_connections_per_address) > 1000


@pytest.mark.parametrize(
    ("environment", "flags", "port"),
    [
        ({}, {"port": "1"}, 1),
        ({"ORICODE_PORT": "2", "PORT": "3"}, {"port": "1"}, 1),
        ({"ORICODE_PORT": "2", "PORT": "3"}, {"port": None}, 2),
        ({"PORT": "3"}, {}, 3),
        ({"ORICODE_PORT": "", "PORT": " 3 "}, {}, 3),
        ({"ORICODE_PORT": "  "}, {}, 8000),
    ],
)
def test_flags_win_over_our_variables_over_the_platforms_over_defaults(environment, flags, port):
    assert Settings.read(environment, flags).port == port


SAP = {"ORICODE_SAP_URL": "https://host.example", "ORICODE_SAP_USER": "me", "ORICODE_SAP_PASSWORD": "secret"}
SAMPLES = {
    "allowed_origins": "https://ide.example",
    "approvals": "*=ask",
    "approvals_fallback": "auto",
    "database_url": "postgres://u:p@h/d",
    "deploy_target": "sap-adt",
    "json_deprecated": "2026-12-01",
    "json_sunset": "2027-06-01",
    "log_format": "json",
    "log_level": "debug",
    "rate_limit": "off",
    "request_log": "on",
    "sap_client": "100",
    "sap_language": "DE",
    "streaming_percent": "50",
    "streaming_users": "anna=json",
}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_can_be_given_by_its_variable(name, tmp_path):
    (tmp_path / "file").touch()
    field = Settings.model_fields[name]
    kind = str(field.annotation)
    if name.endswith("_url"):
        text = "https://host.example"
    elif "int" in kind or "float" in kind:
        text = "1234"
    else:
        text = str(tmp_path / "file")
    first, *others = variables(name, field)
    for variable in (first, *others):
        settings = Settings.read(SAP | {variable: SAMPLES.get(name, text)})
        assert getattr(settings, name) != getattr(Settings.read({}), name)


def test_lists_and_rules_are_read_as_people_write_them():
    settings = Settings.read(
        {
            "ORICODE_ALLOWED_ORIGINS": " https://a.example , https://*.b.example,",
            "ORICODE_APPROVALS": "mcp_deploy_*=ask,*=auto",
            "ORICODE_HEARTBEAT_SECONDS": "0.25",
        }
    )
    assert settings.allowed_origins == ("https://a.example", "https://*.b.example")
    assert settings.approvals == (ApprovalRule("mcp_deploy_*", "ask"), ApprovalRule("*", "auto"))
    assert settings.heartbeat_seconds == 0.25


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ORICODE_PORT", "abc"),
        ("PORT", "65536"),
        ("ORICODE_HEARTBEAT_SECONDS", "0"),
        ("ORICODE_HEARTBEAT_SECONDS", "nan"),
        ("ORICODE_STREAMING_PERCENT", "101"),
        ("ORICODE_RATE_LIMIT", "fast"),
        ("ORICODE_APPROVALS", "*=maybe"),
        ("ORICODE_ALLOWED_ORIGINS", "ide.example"),
        ("ORICODE_DEPLOY_TARGET", "s3"),
        ("ORICODE_MCP_CONFIG", "/there/is/no/such/file"),
        ("ORICODE_SAP_CLIENT", "1"),
        ("ORICODE_LOG_LEVEL", "loud"),
        ("ANTHROPIC_BASE_URL", "api.example"),
        ("DATABASE_URL", "mysql://host/db"),
    ],
)
def test_a_bad_setting_is_one_line_that_names_the_variable(variable, text):
    assert refusal(**{variable: text}).startswith(f"bad setting {variable}")


def test_a_bad_flag_is_named_as_the_flag():
    with pytest.raises(BadSetting, match=r"^bad setting --port=abc: "):
        Settings.read({"ORICODE_PORT": "1"}, {"port": "abc"})


def test_an_incomplete_sap_target_says_what_is_missing():
    assert "ORICODE_SAP_URL, ORICODE_SAP_PASSWORD" in refusal(ORICODE_DEPLOY_TARGET="sap-adt", ORICODE_SAP_USER="me")


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": "mysql://root:CANARY@host/db"},
        {"ANTHROPIC_BASE_URL": "https://user:CANARY@host"},
        {"ORICODE_SAP_URL": "https://user:CANARY@host"},
        {"ANTHROPIC_API_KEY": "CANARY", "ORICODE_PORT": "x"},
        {"ORICODE_SAP_PASSWORD": "CANARY", "ORICODE_DEPLOY_TARGET": "sap-adt"},
    ],
)
def test_no_secret_is_in_the_message(environment):
    assert "CANARY" not in refusal(**environment)


def test_no_secret_is_in_the_representation():
    secrets = ("ANTHROPIC_API_KEY", "ORICODE_SAP_PASSWORD")
    settings = Settings.read(dict.fromkeys(secrets, "CANARY") | {"DATABASE_URL": "postgresql://u:CANARY@h/d"})
    assert "CANARY" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.anthropic_api_key.get_secret_value() == "CANARY"


def test_settings_cannot_be_changed_after_they_were_read():
    settings = Settings.read({})
    with pytest.raises(ValidationError):
        settings.port = 1


def test_a_misspelt_variable_gets_a_hint_and_a_known_one_none():
    environment = {"ORICODE_HEARTBEAT": "1", "ORICODE_PORT": "1", "ORICODE_KEY": "k", "HOME": "/", "ORICODE_XYZ": ""}
    assert list(misspelt(environment)) == [
        "ORICODE_HEARTBEAT is not a setting; did you mean ORICODE_HEARTBEAT_SECONDS?",
        "ORICODE_XYZ is not a setting",
    ]


def test_every_setting_is_in_one_group_and_on_the_page():
    grouped = [name for group in GROUPS for name in group.model_fields]
    assert sorted(grouped) == sorted(Settings.model_fields)
    rows = re.findall(r"^\| `(ORICODE_\w+)`", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(variables(name, field)[0] for name, field in Settings.model_fields.items())


def test_the_committed_page_is_current():
    assert settings_page(["--check", str(PAGE)]) == 0


def test_a_stale_page_fails_the_check(tmp_path):
    stale = tmp_path / "settings.md"
    stale.write_text(PAGE.read_text() + "\n")
    assert settings_page(["--check", str(stale)]) == 1
    assert settings_page(["--check", str(tmp_path / "absent.md")]) == 1


@pytest.mark.parametrize("command", [serve, create], ids=["serve", "keys"])
def test_the_flags_are_settings_and_read_the_same_variables(command: click.Command):
    for option in command.params:
        if option.name in Settings.model_fields and option.envvar is not None:
            names = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar)
            assert tuple(names) == variables(option.name, Settings.model_fields[option.name])
    assert {"data_dir", "database_url"} <= {option.name for option in command.params} & set(Settings.model_fields)


def test_keys_and_serve_look_in_the_same_folder_by_default():
    default = next(option.default for option in create.params if option.name == "data_dir")
    assert default == Settings.read({}).data_dir
