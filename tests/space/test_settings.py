from pathlib import Path

import pytest

from segface_hf.errors import ConfigError
from space.settings import (
    VARIABLES,
    Settings,
    settings_from,
    table,
    trust_no_forwarded_address,
)
from space.ui.about import about
from space.web.components import PhotoDrop

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"


def test_without_variables_the_app_serves_this_machine_only():
    settings = settings_from({})
    assert (settings.host, settings.port, settings.model) == ("127.0.0.1", 7860, "embedded")
    assert settings.dataset is None
    assert not settings.sign_in


def test_every_variable_reaches_its_setting():
    settings = settings_from(
        {
            "SEGFACE_MODEL": "org/name",
            "SEGFACE_CONTRIBUTIONS": "rows",
            "SEGFACE_MAINTAINERS": "ada, bob ,",
            "SEGFACE_MCP": "0",
            "SEGFACE_MAX_SIDE": "1024",
        }
    )
    assert settings.model == "org/name"
    assert settings.contributions == Path("rows")
    assert settings.maintainers == ("ada", "bob")
    assert settings.mcp is False
    assert settings.max_side == 1024


def test_an_empty_variable_counts_as_unset():
    assert settings_from({"SEGFACE_PORT": " "}).port == 7860


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SEGFACE_PORT", "web"), ("SEGFACE_MCP", "maybe"), ("SEGFACE_MAX_UPLOAD_MB", "2.5")],
)
def test_a_malformed_variable_is_named(variable, value):
    with pytest.raises(ConfigError, match=f"{variable} is '{value}'"):
        settings_from({variable: value})


@pytest.mark.parametrize(
    ("name", "value"), [("port", 0), ("port", 70000), ("max_side", 8192), ("keep_seconds", 0)]
)
def test_a_setting_out_of_range_is_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        Settings(**{name: value})


def test_on_a_space_the_app_listens_to_the_outside_and_signs_in_only_where_configured():
    space = settings_from({"SPACE_ID": "org/name"})
    assert space.host == "0.0.0.0"
    assert not space.sign_in
    assert settings_from({"SPACE_ID": "org/name", "OAUTH_CLIENT_ID": "x"}).sign_in
    assert not settings_from({"OAUTH_CLIENT_ID": "x"}).sign_in


def test_a_token_never_shows_in_the_settings_text():
    assert "hf_secret" not in repr(settings_from({"SEGFACE_DATASET_TOKEN": "hf_secret"}))


def test_the_documented_table_is_the_one_in_the_code():
    assert table() in DEPLOY.read_text(encoding="utf-8")
    assert len({variable.name for variable in VARIABLES}) == len(VARIABLES)


def test_the_web_server_trusts_no_forwarded_address_unless_a_proxy_is_named():
    for named, trusted in ((None, ""), ("10.0.0.1", "10.0.0.1")):
        environment = {} if named is None else {"FORWARDED_ALLOW_IPS": named}
        trust_no_forwarded_address(environment)
        assert environment["FORWARDED_ALLOW_IPS"] == trusted


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (2, "1 minute"),
        (600, "10 minutes"),
        (3600, "an hour"),
        (5000, "2 hours"),
        (86400, "24 hours"),
    ],
)
def test_every_page_states_how_long_photos_are_kept(seconds, message):
    settings = Settings(keep_seconds=seconds)
    assert settings.kept_for == message
    assert f"within {message} after" in about(settings)
    drop = PhotoDrop([], max_mb=1, within=settings.kept_for)
    assert f"Photos are removed within {message}." in drop.html_template
