import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.identity import Identity
from aukciszek.secret import Secret
from aukciszek.settings import VARIABLES, Listener, Settings, SettingsError, load_settings

REPOSITORY = Path(__file__).parents[3]
KEYS = tuple(f"token-key-of-party-{number}-which-nobody-may-see" for number in range(1, 6))

type MakeEnvironment = Callable[..., dict[str, str]]


def write_cluster(path: Path, urls: list[str]) -> Path:
    entries = [
        PartyEntry(
            number=number,
            name=f"Party {number}",
            url=url,
            address=f"127.0.0.{number}",
            identity_key=Identity.new().public.text,
        )
        for number, url in enumerate(urls, start=1)
    ]
    path.write_bytes(Cluster.build(entries)[1])
    return path


LOOPBACK = [f"http://127.0.0.{number}:{5000 + number}" for number in range(1, 6)]
PUBLIC = [f"https://party{number}.example.org" for number in range(1, 6)]


@pytest.fixture
def environment(tmp_path: Path) -> MakeEnvironment:
    """Return what makes the environment of one party; None removes a variable."""

    def make(party: int = 2, urls: list[str] | None = None, **changes: str | None) -> dict[str, str]:
        cluster = write_cluster(tmp_path / "cluster.json", urls or LOOPBACK)
        values: dict[str, str | None] = {
            "PARTY_ID": str(party),
            "CLUSTER_FILE": str(cluster),
            "DATA_DIR": str(tmp_path),
            "SECRET_KEYS_JWT": ",".join(KEYS) if party == 1 else KEYS[party - 1],
        }
        return {name: value for name, value in (values | changes).items() if value is not None}

    return make


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    paths = {"SSL_CERTFILE": tmp_path / "cert.pem", "SSL_KEYFILE": tmp_path / "key.pem"}
    for path in paths.values():
        path.touch(mode=0o600)
    return {name: str(path) for name, path in paths.items()}


def problems(environment: Mapping[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    found = {problem.variable: problem.remedy for problem in caught.value.problems}
    for variable, remedy in found.items():
        assert f"{variable}: {remedy}" in str(caught.value)
    return found


def revealed(keys: tuple[Secret[str] | None, ...]) -> list[str | None]:
    return [None if key is None else key.reveal() for key in keys]


def test_a_handful_of_settings_is_enough(environment: MakeEnvironment, tmp_path: Path) -> None:
    settings = load_settings(environment())
    assert settings.party_id == 2
    assert settings.own.name == "Party 2"
    assert settings.servers == tuple(LOOPBACK)
    assert settings.peer_urls == settings.servers
    assert settings.trusted_ips == settings.peer_addresses == tuple(f"127.0.0.{number}" for number in range(1, 6))
    assert (settings.login_server, settings.is_login_server) == (1, False)
    assert settings.threshold == 2
    assert settings.access_token_lifetime.total_seconds() == 3600
    assert settings.algorithm == "HS256"
    assert settings.database_url.reveal() == f"sqlite:///{tmp_path}/aukciszek.db"
    assert settings.identity_file == tmp_path / "identity.pem"
    assert settings.listeners == (Listener("127.0.0.2", 5002, tls=False),)
    assert (settings.supabase_url, settings.supabase_key, settings.web_origins) == (None, None, ())
    assert 8 <= settings.sessions_at_once <= 64
    assert settings.sessions_memory_mib == 1024


def test_the_login_server_holds_all_keys(environment: MakeEnvironment) -> None:
    settings = load_settings(environment(1))
    assert settings.is_login_server
    assert revealed(settings.secret_keys_jwt) == list(KEYS)
    assert settings.own_token_key.reveal() == KEYS[0]


@pytest.mark.parametrize(
    "keys",
    [KEYS[2], f"{KEYS[2]},None,None,None,None", f"None,None,{KEYS[2]},None,None", f" None , None,{KEYS[2]} ,None,None"],
)
def test_another_party_holds_its_own_key_alone(environment: MakeEnvironment, keys: str) -> None:
    settings = load_settings(environment(3, SECRET_KEYS_JWT=keys))
    assert revealed(settings.secret_keys_jwt) == [None, None, KEYS[2], None, None]
    assert settings.own_token_key.reveal() == KEYS[2]


@pytest.mark.parametrize(
    "keys",
    [
        ",".join(KEYS),
        f"{KEYS[2]},{KEYS[3]}",
        f"None,{KEYS[1]},None,None,None",
        f"{KEYS[2]},None",
        "None",
        "None,None,None,None,None",
        f"{KEYS[2]},None,None,None,None,None",
    ],
)
def test_another_party_may_hold_no_other_key(environment: MakeEnvironment, keys: str) -> None:
    found = problems(environment(3, SECRET_KEYS_JWT=keys))
    assert list(found) == ["SECRET_KEYS_JWT"]
    assert "the key of party 3 and no other" in found["SECRET_KEYS_JWT"]


@pytest.mark.parametrize(
    "keys", [",".join(KEYS[:4]), ",".join([*KEYS, "x" * 40]), f"{','.join(KEYS[:4])},None", KEYS[0]]
)
def test_the_login_server_needs_every_key(environment: MakeEnvironment, keys: str) -> None:
    assert "all 5 parties" in problems(environment(1, SECRET_KEYS_JWT=keys))["SECRET_KEYS_JWT"]


def test_any_party_can_be_the_login_server(environment: MakeEnvironment) -> None:
    settings = load_settings(environment(4, LOGIN_SERVER="4", SECRET_KEYS_JWT=",".join(KEYS)))
    assert settings.is_login_server
    assert settings.own_token_key.reveal() == KEYS[3]


WRONG_VALUES = [
    ("PARTY_ID", "0", "from 1 to 5"),
    ("PARTY_ID", "6", "from 1 to 5"),
    ("PARTY_ID", "two", "from 1 to 5"),
    ("PARTY_ID", "٢", "from 1 to 5"),
    ("PARTY_ID", "9" * 5000, "from 1 to 5"),
    ("CLUSTER_FILE", "/nowhere/cluster.json", "cannot read"),
    ("DATA_DIR", "/nowhere", "mkdir -m 700"),
    ("SECRET_KEYS_JWT", "x" * 31, "shorter than 32 bytes"),
    ("SECRET_KEYS_JWT", f"{KEYS[1]},{KEYS[1]}", "same key"),
    ("SERVERS", ",".join(reversed(LOOPBACK)), "differs from the cluster file"),
    ("SERVERS", "example.org", "will not do"),
    ("TRUSTED_IPS", "127.0.0.1", "differs from the cluster file"),
    ("TRUSTED_IPS", "localhost", "not an IP address"),
    ("LOGIN_SERVER", "6", "from 1 to 5"),
    ("THRESHOLD", "0", "from 1 to 2"),
    ("THRESHOLD", "3", "from 1 to 2"),
    ("ALGORITHM", "none", "HS256"),
    ("ALGORITHM", "RS256", "HS256"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "from 1 to 1440"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "1441", "from 1 to 1440"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "1.5", "from 1 to 1440"),
    ("SUPABASE_URL", "https://accounts.example.org", "login server"),
    ("SUPABASE_KEY", "secret-service-key", "login server"),
    ("DATABASE_URL", "mysql://root:secret@host/name", "must start with"),
    ("DATABASE_URL", "sqlite:///relative.db", "full path"),
    ("DATABASE_URL", "sqlite+aiosqlite:///relative.db", "full path"),
    ("DATABASE_URL", "sqlite+aiosqlite:////:memory:", "full path"),
    ("SSL_CERTFILE", "/nowhere/cert.pem", "not a file"),
    ("SSL_KEYFILE", "/nowhere/key.pem", "not a file"),
    ("SSL_CA_FILE", "/nowhere/ca.pem", "not a file"),
    ("WIREGUARD_SERVERS", "10.83.0.1", "will not do"),
    ("WIREGUARD_IPS", "10.83.0.300", "not an IP address"),
    ("WEB_ORIGINS", "*", "will not do"),
    ("WEB_ORIGINS", "https://example.org/page", "scheme, host and port only"),
    ("WEB_ORIGINS", "http://example.org", "https://"),
    ("SESSIONS_AT_ONCE", "0", "from 1 to 256"),
    ("SESSIONS_MEMORY_MIB", "63", "from 64 to 1048576"),
]


@pytest.mark.parametrize(("variable", "value", "remedy"), WRONG_VALUES)
def test_a_wrong_value_is_named_with_its_remedy(
    environment: MakeEnvironment, variable: str, value: str, remedy: str
) -> None:
    assert remedy in problems(environment(**{variable: value}))[variable]


def test_every_variable_has_a_wrong_value_above() -> None:
    assert {variable for variable, _, _ in WRONG_VALUES} == set(VARIABLES)


@pytest.mark.parametrize("variable", ["PARTY_ID", "CLUSTER_FILE", "DATA_DIR", "SECRET_KEYS_JWT"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_is_needed_and_missing_is_named(environment: MakeEnvironment, variable: str, value: str | None) -> None:
    found = problems(environment(**{variable: value}))
    assert list(found) == [variable]
    assert found[variable].startswith("is missing: ")


def test_everything_wrong_is_reported_at_once(environment: MakeEnvironment) -> None:
    found = problems(
        environment(
            PARTY_ID="9",
            DATA_DIR="/nowhere",
            SECRET_KEYS_JWT="short",
            THRESHOLD="7",
            ALGORITHM="none",
            WEB_ORIGINS="*",
            SUPABASE_KEY="k",
        )
    )
    assert list(found) == [
        "DATA_DIR", "ALGORITHM", "PARTY_ID", "THRESHOLD", "SECRET_KEYS_JWT", "WEB_ORIGINS", "SUPABASE_URL",
    ]  # fmt: skip


def test_an_empty_environment_names_all_that_is_needed() -> None:
    assert sorted(problems({})) == ["CLUSTER_FILE", "DATA_DIR", "PARTY_ID", "SECRET_KEYS_JWT"]


def test_a_folder_that_others_can_read_is_refused(environment: MakeEnvironment, tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    assert "chmod 700" in problems(environment())["DATA_DIR"]


def test_an_address_and_a_port_are_not_guessed_from_a_name(
    environment: MakeEnvironment, certificate: dict[str, str]
) -> None:
    assert load_settings(environment(urls=PUBLIC, **certificate)).listeners == (Listener("0.0.0.0", 443, tls=True),)


@pytest.mark.parametrize("url", ["http://party2.example.org", "http://192.0.2.7:8000", "http://10.83.0.2"])
def test_a_public_url_without_tls_does_not_start(environment: MakeEnvironment, url: str) -> None:
    urls = [*LOOPBACK[:1], url, *LOOPBACK[2:]]
    assert "https://" in problems(environment(urls=urls))["CLUSTER_FILE"]


@pytest.mark.parametrize("url", ["http://party3.example.org", "http://192.0.2.7:8000", "http://10.83.0.3:7000"])
def test_another_party_is_not_reached_without_tls_either(environment: MakeEnvironment, url: str) -> None:
    urls = [*LOOPBACK[:2], url, *LOOPBACK[3:]]
    assert "gives party 3 the URL" in problems(environment(urls=urls))["CLUSTER_FILE"]


def test_https_without_a_certificate_does_not_start(environment: MakeEnvironment) -> None:
    assert "TLS ends at this party" in problems(environment(urls=PUBLIC))["SSL_CERTFILE"]


@pytest.mark.parametrize("missing", ["SSL_CERTFILE", "SSL_KEYFILE"])
def test_half_a_certificate_does_not_start(
    environment: MakeEnvironment, certificate: dict[str, str], missing: str
) -> None:
    assert "is missing" in problems(environment(urls=PUBLIC, **(certificate | {missing: ""})))[missing]


def test_a_certificate_that_would_not_be_used_is_a_mistake(
    environment: MakeEnvironment, certificate: dict[str, str]
) -> None:
    assert "would not be used" in problems(environment(**certificate))["SSL_CERTFILE"]


def test_a_private_key_for_everybody_is_refused(environment: MakeEnvironment, certificate: dict[str, str]) -> None:
    Path(certificate["SSL_KEYFILE"]).chmod(0o644)
    assert "chmod o-rwx" in problems(environment(urls=PUBLIC, **certificate))["SSL_KEYFILE"]


def tunnel(scheme: str = "http", port: int = 7000, first: int = 1) -> dict[str, str]:
    hosts = [f"10.83.0.{number}" for number in range(first, first + 5)]
    return {
        "WIREGUARD_SERVERS": ",".join(f"{scheme}://{host}:{port}" for host in hosts),
        "WIREGUARD_IPS": ",".join(hosts),
    }


def test_a_tunnel_carries_the_traffic_between_the_parties(
    environment: MakeEnvironment, certificate: dict[str, str]
) -> None:
    settings = load_settings(environment(urls=PUBLIC, **certificate, **tunnel()))
    assert settings.peer_urls[2] == "http://10.83.0.3:7000"
    assert settings.peer_addresses[2] == "10.83.0.3"
    assert settings.servers[2] == PUBLIC[2]
    assert settings.listeners == (Listener("0.0.0.0", 443, tls=True), Listener("10.83.0.2", 7000, tls=False))


def test_a_party_may_live_in_the_tunnel_alone(environment: MakeEnvironment) -> None:
    urls = [f"http://10.83.0.{number}:7000" for number in range(1, 6)]
    assert load_settings(environment(urls=urls, **tunnel())).listeners == (Listener("10.83.0.2", 7000, tls=False),)


def test_the_tunnel_needs_another_port_than_a_public_server_with_tls(
    environment: MakeEnvironment, certificate: dict[str, str]
) -> None:
    found = problems(environment(urls=PUBLIC, **certificate, **tunnel(port=443)))
    assert "choose another" in found["WIREGUARD_SERVERS"]


def test_one_socket_serves_both_when_both_use_tls(environment: MakeEnvironment, certificate: dict[str, str]) -> None:
    settings = load_settings(environment(urls=PUBLIC, **certificate, **tunnel("https", 443)))
    assert settings.listeners == (Listener("0.0.0.0", 443, tls=True),)


@pytest.mark.parametrize("missing", ["WIREGUARD_SERVERS", "WIREGUARD_IPS"])
def test_half_a_tunnel_does_not_start(environment: MakeEnvironment, missing: str) -> None:
    assert "is missing" in problems(environment(**(tunnel() | {missing: ""})))[missing]


def test_a_tunnel_has_private_addresses(environment: MakeEnvironment) -> None:
    changes = {name: value.replace("10.83.0", "8.8.8") for name, value in tunnel().items()}
    assert "public address" in problems(environment(**changes))["WIREGUARD_IPS"]


def test_a_tunnel_has_one_address_for_each_party(environment: MakeEnvironment) -> None:
    changes = {name: ",".join(value.split(",")[:4]) for name, value in tunnel().items()}
    assert set(problems(environment(**changes))) == {"WIREGUARD_SERVERS", "WIREGUARD_IPS"}


def test_a_tunnels_urls_name_its_addresses(environment: MakeEnvironment) -> None:
    changes = tunnel() | {"WIREGUARD_IPS": tunnel(first=2)["WIREGUARD_IPS"]}
    assert "does not name" in problems(environment(**changes))["WIREGUARD_SERVERS"]


def test_supabase_needs_both_halves_and_https(environment: MakeEnvironment) -> None:
    url = {"SUPABASE_URL": "https://accounts.example.org"}
    assert "SUPABASE_KEY" in problems(environment(1, **url))
    assert "SUPABASE_URL" in problems(environment(1, SUPABASE_KEY="k"))
    settings = load_settings(environment(1, **url, SUPABASE_KEY="k"))
    assert settings.supabase_url == "https://accounts.example.org"
    plain = problems(environment(1, SUPABASE_URL="http://accounts.example.org", SUPABASE_KEY="k"))
    assert "https://" in plain["SUPABASE_URL"]
    assert load_settings(environment(1, SUPABASE_URL="http://127.0.0.1:3000", SUPABASE_KEY="k")).supabase_key


def test_lists_that_repeat_the_cluster_file_are_welcome(environment: MakeEnvironment) -> None:
    repeated = {
        "SERVERS": ", ".join(url + "/" for url in LOOPBACK),
        "TRUSTED_IPS": "127.0.0.1, 127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5",
    }
    assert load_settings(environment(**repeated)).servers == tuple(LOOPBACK)


def test_nothing_secret_is_shown(environment: MakeEnvironment) -> None:
    secrets = {"SUPABASE_KEY": "service-hidden", "DATABASE_URL": "postgresql+asyncpg://me:hidden@host/name"}
    settings = load_settings(environment(1, SUPABASE_URL="https://accounts.example.org", **secrets))
    for shown in (repr(settings), str(settings)):
        assert "hidden" not in shown
        assert KEYS[0] not in shown
    assert settings.database_url.reveal() == secrets["DATABASE_URL"]


def test_error_texts_quote_no_secret(environment: MakeEnvironment) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(
            environment(
                3, SECRET_KEYS_JWT=",".join(KEYS), SUPABASE_KEY="service-hidden", DATABASE_URL="x://me:hidden@y"
            )
        )
    text = f"{caught.value} {caught.value!r} {caught.value.problems}"
    assert "hidden" not in text
    assert not any(key in text for key in KEYS)


def write_dotenv(path: Path, values: Mapping[str, str], mode: int = 0o600) -> Path:
    path.write_text("# a comment\n" + "".join(f"{name} = '{value}'\n" for name, value in values.items()))
    path.chmod(mode)
    return path


def test_dotenv_is_read_and_the_environment_wins(environment: MakeEnvironment, tmp_path: Path) -> None:
    dotenv = write_dotenv(tmp_path / ".env", environment(THRESHOLD="1", LOGIN_SERVER="3"))
    settings = load_settings({"THRESHOLD": "2"}, dotenv=dotenv)
    assert (settings.party_id, settings.threshold, settings.login_server) == (2, 2, 3)


def test_dotenv_of_the_current_directory_is_found(
    environment: MakeEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dotenv(tmp_path / ".env", environment(THRESHOLD="1"))
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert load_settings().threshold == 1
    monkeypatch.setenv("THRESHOLD", "2")
    assert load_settings().threshold == 2


def test_given_variables_are_not_mixed_with_those_of_the_process(
    environment: MakeEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THRESHOLD", "1")
    assert load_settings(environment()).threshold == 2


def test_dotenv_with_a_secret_is_for_its_owner_alone(environment: MakeEnvironment, tmp_path: Path) -> None:
    dotenv = write_dotenv(tmp_path / ".env", environment(), mode=0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_settings({}, dotenv=dotenv)
    secret = environment()
    public = {name: secret.pop(name) for name in ("PARTY_ID", "CLUSTER_FILE", "DATA_DIR")}
    assert load_settings(secret, dotenv=write_dotenv(dotenv, public, mode=0o644)).party_id == 2


def test_dotenv_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"PARTY_ID=\xff\n")
    with pytest.raises(SettingsError, match=re.escape(str(dotenv))):
        load_settings({}, dotenv=dotenv)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({}, dotenv=tmp_path / "nowhere")


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \|", (REPOSITORY / "docs/settings.md").read_text(), flags=re.MULTILINE)
    assert documented == list(VARIABLES)


def test_settings_do_not_change(environment: MakeEnvironment) -> None:
    settings: Settings = load_settings(environment())
    with pytest.raises(AttributeError):
        settings.threshold = 1  # type: ignore[misc]  # that is what is tried here


def test_a_path_with_odd_characters_still_names_the_database(environment: MakeEnvironment, tmp_path: Path) -> None:
    folder = tmp_path / "odd ?#% ż"
    folder.mkdir(mode=0o700)
    url = load_settings(environment(DATA_DIR=str(folder))).database_url.reveal()
    assert url.endswith("/odd %3F%23%25 %C5%BC/aukciszek.db")
    assert os.fspath(folder) not in url
