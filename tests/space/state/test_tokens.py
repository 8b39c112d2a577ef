"""Whose token contributions go with: the machine's own for its own visitors, and no one else's."""

from __future__ import annotations

import pytest

from annotate.dataset.repo import saved_token
from space.handlers.services import build_services
from space.settings import Settings
from space.state.tokens import is_local_request, sign_in_texts
from space.ui.contribute import explained

HERE = Settings(dataset="owner/faces")
PAGE = {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:7860"}


@pytest.fixture
def logged_in(monkeypatch, tmp_path):
    """A machine with a token."""
    monkeypatch.setenv("HF_TOKEN", "hf_guest")
    assert saved_token() == "hf_guest"
    return tmp_path


def built(folder, **values):
    return build_services(Settings(contributions=folder, cache=folder, **values))


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("127.0.0.1", PAGE),
        ("::1", {"host": "[::1]:7860", "origin": "http://[::1]:7860"}),
        ("127.0.0.1", {"host": "localhost:7860"}),
    ],
)
def test_pages_and_scripts_of_the_machine_are_local(client, headers):
    assert is_local_request(HERE, client=client, headers=headers)


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("192.168.0.7", PAGE),
        (None, PAGE),
        ("127.0.0.1", {}),
        ("127.0.0.1", PAGE | {"origin": "https://evil.example"}),
        ("127.0.0.1", PAGE | {"origin": "http://127.0.0.1:8000"}),
        ("127.0.0.1", PAGE | {"origin": "null"}),
        ("127.0.0.1", {"host": "evil.example:7860", "origin": "http://evil.example:7860"}),
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}),
        ("127.0.0.1", PAGE | {"x-forwarded-for": "127.0.0.1"}),
        ("127.0.0.1", PAGE | {"forwarded": "for=127.0.0.1"}),
    ],
)
def test_remote_requests_and_those_of_other_pages_are_not_local(client, headers):
    assert not is_local_request(HERE, client=client, headers=headers)


@pytest.mark.parametrize(
    "values", [{"host": "0.0.0.0"}, {"host": "192.168.0.2"}, {"space_id": "owner/app"}], ids=repr
)
def test_where_others_can_reach_the_app_the_machines_token_is_not_even_read(logged_in, values):
    services = built(logged_in, dataset="owner/faces", **values)
    assert services.own_token is None
    assert not is_local_request(services.settings, client="127.0.0.1", headers=PAGE)


def test_the_machines_token_is_read_where_a_dataset_is_named_and_no_service_token(logged_in):
    assert built(logged_in, dataset="owner/faces").own_token == "hf_guest"
    assert built(logged_in).own_token is None
    assert built(logged_in, dataset="owner/faces", service_token="hf_x").own_token is None
    assert "hf_guest" not in repr(built(logged_in, dataset="owner/faces"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "This machine has no Hugging Face token"),
        ({"host": "0.0.0.0"}, "SEGFACE_HOST=127.0.0.1"),
        ({"space_id": "owner/app"}, "This Space has no sign-in"),
        ({"space_id": "owner/app", "oauth": True}, "Sign in, and it is sent at once"),
    ],
)
def test_the_contribute_view_describes_the_current_settings(tmp_path, values, message):
    services = built(tmp_path, dataset="owner/faces", **values)
    said = explained(services)
    assert message in said
    assert ("Sign in," in said) == services.settings.sign_in


def test_with_a_token_the_view_says_whose_account_is_used(logged_in):
    said = explained(built(logged_in, dataset="owner/faces"))
    assert "under the account of this machine's Hugging Face token" in said
    assert "sign in" not in said


def test_without_a_token_waiting_rows_say_how_to_get_one(tmp_path):
    texts = sign_in_texts(HERE, own_token=False)
    for sentence in (texts.intro, texts.pending, texts.review):
        assert "run `hf auth login`, then restart the app" in sentence
