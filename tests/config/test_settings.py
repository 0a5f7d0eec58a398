"""Settings come from defaults, a file, variables and secret files, and every mistake is named."""

import dataclasses
import re
import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import DEFAULTS, SPECS, Settings, SettingsError, load
from config.values import Choice, Range, from_text

EXAMPLE = DEFAULTS.with_name("example.toml")


def _file(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, "utf-8")
    return path


def _source(settings: Settings, key: str) -> str:
    return next(source for name, _, source in settings.describe() if name == key)


def _problems(path: Path | None, environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path, environ)
    return str(caught.value)


def test_defaults_are_complete_and_commented() -> None:
    flat = {
        f"{name}.{inner}" if isinstance(table, dict) else name
        for name, table in tomllib.loads(DEFAULTS.read_text("utf-8")).items()
        for inner in (table if isinstance(table, dict) else [name])
    }
    assert flat == set(SPECS)
    lines = DEFAULTS.read_text("utf-8").splitlines()
    uncommented = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r"[a-z_]+ = ", line) and not (before.startswith("#") or re.match(r"[a-z_]+ = ", before))
    ]
    assert uncommented == []


def test_example_is_valid_with_every_line_taken_in(tmp_path: Path) -> None:
    load(EXAMPLE, {})
    whole = re.sub(r"^# ([a-z_]+ = )", r"\1", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    whole = re.sub(r'^(host = "127.*)\n((?:.*\n)*?)host = ', r"\2host = ", whole, flags=re.MULTILINE)
    load(_file(tmp_path, whole), {})


def test_later_source_wins(tmp_path: Path) -> None:
    path = _file(tmp_path, "[web]\nport = 9000\nthreads = 3\n")
    settings = load(path, {"DIWAN_WEB_PORT": "9001"})
    assert (settings.web.port, settings.web.threads, settings.web.workers) == (9001, 3, 2)
    assert _source(settings, "web.port") == "variable DIWAN_WEB_PORT"
    assert _source(settings, "web.threads") == f"file {path}"
    assert _source(settings, "web.workers") == "default"


def test_file_of_data_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "diwan.toml").write_text("[gateway]\nport = 2600\n", "utf-8")
    settings = load(None, {"DIWAN_DATA": str(tmp_path)})
    assert settings.gateway.port == 2600
    assert settings.data == tmp_path


def test_file_of_data_folder_cannot_move_the_folder(tmp_path: Path) -> None:
    (tmp_path / "diwan.toml").write_text('data = "/elsewhere"\n', "utf-8")
    assert "data cannot be set" in _problems(None, {"DIWAN_DATA": str(tmp_path)})


def test_config_variable_names_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, '[locale]\ndigits = "latn"\n')
    assert load(None, {"DIWAN_CONFIG": str(path)}).locale.digits == "latn"
    assert "cannot read" in _problems(None, {"DIWAN_CONFIG": str(tmp_path / "none.toml")})


def test_secret_file_is_read_without_its_last_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_bytes("سرّ طويل \r\n".encode())
    settings = load(None, {"DIWAN_KEYS_PASSPHRASE_FILE": str(secret)})
    assert settings.keys.passphrase == "سرّ طويل "


def test_missing_secret_file_is_named() -> None:
    text = _problems(None, {"DIWAN_KEYS_PASSPHRASE_FILE": "/nowhere/passphrase"})
    assert "keys.passphrase" in text
    assert "/nowhere/passphrase" in text


def test_secret_given_twice_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("one", "utf-8")
    environ = {"DIWAN_KEYS_PASSPHRASE": "two", "DIWAN_KEYS_PASSPHRASE_FILE": str(secret)}
    assert "are both set" in _problems(None, environ)


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    environ = {
        "DIWAN_KEYS_PASSPHRASE": "canary-one",
        "DIWAN_WEB_SECRET": "canary-two-long-enough",
        "DIWAN_DATABASE_URL": "postgresql://diwan:canary@db/diwan?password=canary",
    }
    settings = load(None, environ)
    assert "canary" not in repr(settings)
    assert "canary" not in repr(settings.describe())
    assert "canary" not in _problems(None, environ | {"DIWAN_WEB_SECRET": "canary", "DIWAN_DATABASE_URL": "canary://"})
    shown = {key: value for key, value, _ in settings.describe()}
    assert shown["database.url"] == "postgresql://diwan:********@db/diwan"
    assert shown["keys.passphrase"] == "********"


@pytest.mark.parametrize(
    ("text", "unknown", "nearest"),
    [
        ("[web]\nprot = 1\n", "web.prot", "web.port"),
        ("[gatway]\nport = 1\n", "gatway.port", "gateway.port"),
        ("date = 'x'\n", "date", "data"),
        ("[colour]\n", "colour", ""),
    ],
)
def test_unknown_key_names_the_nearest(tmp_path: Path, text: str, unknown: str, nearest: str) -> None:
    found = _problems(_file(tmp_path, text), {})
    assert f"unknown setting {unknown} " in found
    assert nearest in found


def test_unknown_variable_names_the_nearest() -> None:
    found = _problems(None, {"DIWAN_GATEWAY_SUBMISION_PORT": "1", "PATH": "/bin"})
    assert (
        found
        == "unknown setting DIWAN_GATEWAY_SUBMISION_PORT (environment); did you mean DIWAN_GATEWAY_SUBMISSION_PORT?"
    )


def test_every_problem_is_reported(tmp_path: Path) -> None:
    path = _file(tmp_path, "[web]\nport = '80'\nhttps = 1\n[relay]\nbackoff_minutes = []\n[letters]\nletter_mb = 0\n")
    found = _problems(path, {"DIWAN_LOCALE_TIMEZONE": "Baghdad", "DIWAN_INDEX_ENGINE": "lucene"}).splitlines()
    assert [line.split(" ")[0] for line in found] == [
        "web.port", "web.https", "relay.backoff_minutes", "letters.letter_mb", "index.engine", "locale.timezone",
    ]  # fmt: skip
    assert f"web.port is '80' (file {path}); expected a whole number from 0 to 65535" in found


def test_section_given_as_a_value_is_named(tmp_path: Path) -> None:
    assert "expected a section [web]" in _problems(_file(tmp_path, "web = 8080\n"), {})


def test_broken_toml_is_one_clear_line(tmp_path: Path) -> None:
    path = _file(tmp_path, "[web\n")
    assert _problems(path, {}).startswith(f"cannot read {path}: ")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DIWAN_GATEWAY_PORT": "8080"}, "must differ"),
        ({"DIWAN_LETTERS_LETTER_MB": "10"}, "at least letters.attachment_mb"),
        ({"DIWAN_LETTERS_LETTER_MB": "30"}, "at most gateway.max_message_mb"),
        ({"DIWAN_DATA": "/srv/diwan", "DIWAN_KEYS_SECRET_FILE": "/srv/diwan/x/secret"}, "outside the data folder"),
        ({"DIWAN_GATEWAY_TLS_KEY": "/etc/key.pem"}, "together"),
    ],
)
def test_contradictions_are_refused(environ: dict[str, str], expected: str) -> None:
    assert expected in _problems(None, environ)


def test_free_ports_may_all_be_zero() -> None:
    names = ("WEB_PORT", "GATEWAY_PORT", "GATEWAY_SUBMISSION_PORT", "GATEWAY_IMPLICIT_TLS_PORT")
    zeros = {f"DIWAN_{name}": "0" for name in names}
    assert load(None, zeros).web.port == 0


def test_paths_follow_the_data_folder() -> None:
    settings = load(None, {"DIWAN_DATA": "/srv/diwan"})
    assert settings.database_url == "sqlite:////srv/diwan/diwan.sqlite3"
    assert settings.keys_file == Path("/srv/diwan/keys.diwan")
    assert settings.secret_file == Path("/srv/diwan.secret")
    assert {settings.content_folder, settings.index_folder, settings.run_folder} == {
        Path("/srv/diwan/content"), Path("/srv/diwan/index"), Path("/srv/diwan/run"),
    }  # fmt: skip


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_by_psycopg(scheme: str) -> None:
    settings = load(None, {"DIWAN_DATABASE_URL": f"{scheme}://u:p@h:5433/d"})
    assert settings.database_url == "postgresql+psycopg://u:p@h:5433/d"


def test_public_url_is_made_of_host_and_port_when_none_is_given() -> None:
    assert load(None, {}).public_url == "http://127.0.0.1:8080"
    assert load(None, {"DIWAN_WEB_HOST": "::1", "DIWAN_WEB_HTTPS": "yes"}).public_url == "https://[::1]:8080"
    assert load(None, {"DIWAN_WEB_URL": "https://diwan.example/"}).public_url == "https://diwan.example"


def test_settings_are_frozen() -> None:
    settings = load(None, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.web.port = 1  # type: ignore[misc]


@given(number=st.integers(), key=st.sampled_from([key for key, spec in SPECS.items() if spec.kind is int]))
def test_whole_numbers_are_taken_exactly_within_their_range(number: int, key: str) -> None:
    spec = SPECS[key]
    low, high = next((rule.low, rule.high) for rule in spec.rules if isinstance(rule, Range))
    if low <= number <= high:
        assert from_text(spec, str(number)) == number
    else:
        with pytest.raises(ValueError, match="from"):
            from_text(spec, str(number))


@given(word=st.text(), key=st.sampled_from([key for key, spec in SPECS.items() if spec.kind is not str]))
def test_any_text_is_taken_or_refused_by_name(word: str, key: str) -> None:
    variable = SPECS[key].variable
    try:
        outcome = _source(load(None, {variable: word}), key)
    except SettingsError as error:
        outcome = " ".join(error.problems)
    assert f"variable {variable}" in outcome or "must differ" in outcome or "at least" in outcome


@given(name=st.text(string.ascii_uppercase + "_", min_size=1))
def test_any_unknown_variable_is_refused(name: str) -> None:
    known = {spec.variable for spec in SPECS.values()} | {f"{s.variable}_FILE" for s in SPECS.values() if s.secret}
    variable = f"DIWAN_{name}"
    if variable not in known | {"DIWAN_CONFIG"}:
        assert variable in _problems(None, {variable: "1"})


@given(key=st.sampled_from([key for key, spec in SPECS.items() if any(isinstance(r, Choice) for r in spec.rules)]))
def test_every_choice_is_taken(key: str) -> None:
    for rule in SPECS[key].rules:
        if isinstance(rule, Choice):
            assert [from_text(SPECS[key], word) for word in rule.words] == list(rule.words)
