"""config.yaml: what is taken, what is refused, and in which words."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel import kinds
from backchannel.clock import Clock
from backchannel.config import (
    Config,
    ConfigError,
    ConfigWatcher,
    config_schema,
    load_config,
    parse_config,
    secret_values,
    secrets_of,
)
from backchannel.config.addresses import Addresses

EVENT = """\
event:
  name: OpenIdeas
  hashtags: ["#OpenIdeas26", openideas]
  timezone: Europe/Berlin
  start: 2026-11-24
  end: 2026-11-26
"""


def no_file(name: str) -> str:
    """What a secret file holds where a test has none."""
    raise ValueError(f"{name} was not to be read")


def read(text: str, env: Mapping[str, str] | None = None) -> Config:
    """Parse a text as config.yaml in /srv."""
    return parse_config(text, env or {}, folder=Path("/srv"), read=no_file)


def refused(text: str, env: Mapping[str, str] | None = None) -> list[str]:
    """The lines that say what is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        read(text, env)
    return str(caught.value).splitlines()


def test_five_mistakes_are_five_lines_in_the_order_of_the_file() -> None:
    lines = refused(
        EVENT.replace("Europe/Berlin", "Europe/Atlantis")
        + """\
server:
  port: eighty
sources:
  - kind: mastodon
    servres: [example.org]
    servers: [example.org]
  - kind: gopher
wall:
  delay_s: -1
"""
    )
    assert [line.split(": ")[:2] for line in lines] == [
        ["config.yaml:4", "event.timezone"],
        ["config.yaml:8", "server.port"],
        ["config.yaml:11", "sources[0].servres"],
        ["config.yaml:13", "sources[1].kind"],
        ["config.yaml:15", "wall.delay_s"],
    ]


def test_an_error_holds_the_value_and_what_is_accepted() -> None:
    [line] = refused(EVENT + "wall:\n  delay_s: soon\n")
    assert '"soon"' in line
    assert "0 to 3600" in line


def test_an_unknown_key_suggests_the_nearest() -> None:
    [line] = refused(EVENT + "sources:\n- {kind: mastodon, servres: [a.example], servers: [a.example]}\n")
    assert line == 'config.yaml:8: sources[0].servres: unknown key, did you mean "servers"?'


def test_an_unknown_key_like_no_other_lists_what_is_known() -> None:
    [line] = refused(EVENT + "log: {zebra: 1}\n")
    assert line == "config.yaml:7: log.zebra: unknown key; known here: kind"


def test_an_unknown_kind_lists_all_kinds() -> None:
    [line] = refused(EVENT + "sources:\n- kind: mastadon\n")
    assert all(kind in line for kind in kinds.names())
    assert 'did you mean "mastodon"?' in line


def test_what_is_missing_is_named_with_the_line_of_what_lacks_it() -> None:
    [line] = refused(EVENT.replace("  name: OpenIdeas\n", ""))
    assert line.startswith("config.yaml:1: event.name: missing; accepted: ")


def test_a_mistake_within_a_list_is_told_once() -> None:
    [line] = refused(EVENT.replace("[", "[two words, ").replace(', "#OpenIdeas26", openideas', ""))
    assert line.startswith('config.yaml:3: event.hashtags[0]: "two words": not a hashtag')


@pytest.mark.parametrize("text", ["", "[]", "hello", "1"])
def test_what_is_no_mapping_is_one_mistake(text: str) -> None:
    [line] = refused(text)
    assert line.startswith("config.yaml:1: should be a mapping with the keys event, server")


def test_mistakes_of_yaml_itself_stand_beside_all_others() -> None:
    lines = refused(EVENT + "log: {kind: sqlite, kind: sqlite}\nwall: {delay_s: -1}\n")
    assert [line.split(":")[1] for line in lines] == ["7", "8"]


def test_hashtags_are_folded_and_lose_their_mark() -> None:
    assert read(EVENT).event.hashtags == ("openideas26", "openideas")


def test_dates_are_whole_days_in_the_zone_of_the_event() -> None:
    event = read(EVENT).event
    assert event.start == datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    assert event.end == datetime(2026, 11, 26, 22, 59, 59, tzinfo=UTC)
    assert str(event.zone) == "Europe/Berlin"


@pytest.mark.parametrize("said", ["2026-11-24 09:30", "2026-11-24T09:30:00", "2026-11-24T08:30:00Z"])
def test_a_start_may_have_a_time(said: str) -> None:
    assert read(EVENT.replace("2026-11-24", said)).event.start == datetime(2026, 11, 24, 8, 30, tzinfo=UTC)


def test_a_number_is_no_date() -> None:
    [line] = refused(EVENT.replace("2026-11-24", "20261124"))
    assert line.startswith('config.yaml:5: event.start: "20261124": not a date')


def test_an_event_cannot_end_before_it_starts() -> None:
    [line] = refused(EVENT.replace("2026-11-26", "2026-11-23"))
    assert line.startswith('config.yaml:6: event.end: "2026-11-23": not later than the start')


def test_that_is_said_beside_a_bad_zone_too() -> None:
    told = refused(EVENT.replace("2026-11-26", "2026-11-23").replace("Europe/Berlin", "Europe/Berlyn"))
    assert len(told) == 2
    assert any("not later than the start" in line for line in told)


def test_posts_are_collected_from_two_weeks_before_the_start() -> None:
    event = read(EVENT).event
    assert (event.start - event.collect_from).days == 14


def test_another_day_to_collect_from_is_taken() -> None:
    text = EVENT + "  collect_from: 2026-11-20\n"
    assert read(text).event.collect_from == datetime(2026, 11, 19, 23, 0, tzinfo=UTC)


def test_relative_paths_start_at_the_folder_of_the_file() -> None:
    server = read(EVENT + "server: {data: d, tls: {cert: c.pem, key: /k.pem}}\n").server
    assert server.tls
    assert (server.data, server.tls.cert, server.tls.key) == (
        Path("/srv/d"),
        Path("/srv/c.pem"),
        Path("/k.pem"),
    )


@pytest.mark.parametrize(
    ("server", "public", "short"),
    [
        ("{}", "http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("{host: '::1', port: 81}", "http://[::1]:81", "[::1]:81"),
        ("{public_url: 'https://wall.example/'}", "https://wall.example", "wall.example"),
        ("{tls: {cert: c, key: k}}", "https://127.0.0.1:8080", "127.0.0.1:8080"),
    ],
    ids=["default", "six", "public", "tls"],
)
def test_the_short_address_is_the_public_one_without_its_scheme(server: str, public: str, short: str) -> None:
    config = read(EVENT + f"server: {server}\n")
    assert (config.public_url, config.short_url) == (public, short)


def test_a_proxy_may_be_an_address_or_a_network() -> None:
    server = read(EVENT + "server: {trusted_proxies: [127.0.0.1, 10.1.2.3/8, '::1']}\n").server
    assert server.trusted_proxies == ("127.0.0.1/32", "10.0.0.0/8", "::1/128")


def test_a_source_without_a_name_is_called_like_its_kind() -> None:
    feed = "- {kind: feed, feeds: ['https://a.example/f']}\n"
    named = "- {kind: feed, feeds: ['https://a.example/f'], name: blog}\n"
    config = read(EVENT + "sources:\n" + feed + named)
    assert [source.name for source in config.sources] == ["feed", "blog"]


def test_two_sources_of_a_kind_need_names_since_what_is_remembered_goes_by_them() -> None:
    feed = "- {kind: feed, feeds: ['https://a.example/f']}\n"
    [line] = refused(EVENT + "sources:\n" + feed + feed)
    assert line == (
        "config.yaml:9: sources[1]: has no name of its own beside sources[0] on line 8; "
        "write `name:` under each, and keep it: what is remembered goes by it"
    )


def test_a_name_that_is_anothers_kind_is_taken_too() -> None:
    named = "- {kind: feed, feeds: ['https://a.example/f'], name: mastodon}\n"
    [line] = refused(EVENT + "sources:\n" + named + "- {kind: mastodon, servers: [a.example]}\n")
    assert line.startswith("config.yaml:9: sources[1]: has no name of its own")


def test_two_sources_cannot_have_one_name() -> None:
    named = "- {kind: feed, feeds: ['https://a.example/f'], name: blog}\n"
    [line] = refused(EVENT + "sources:\n" + named + named)
    assert line.startswith(
        "config.yaml:9: sources[1].name: 'blog' is the name of sources[0] on line 8 already; "
    )


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(EVENT).wall.delay_s = 1  # type: ignore[misc]


# secrets


def test_a_variable_stands_for_its_value_anywhere() -> None:
    config = read(
        EVENT + "server: {port: '${PORT}', public_url: 'https://${HOST}'}\n",
        {"PORT": "81", "HOST": "w.example"},
    )
    assert (config.server.port, config.public_url) == (81, "https://w.example")


def test_two_dollars_are_no_variable() -> None:
    assert read(EVENT.replace("OpenIdeas\n", "$${PORT}\n", 1)).event.name == "${PORT}"


def test_a_missing_variable_is_named_with_its_key_and_line_and_nothing_else_is_said_of_it() -> None:
    [line] = refused(EVENT + "server:\n  port: ${BC_PORT}\n")
    assert line.startswith("config.yaml:8: server.port: the environment has no variable BC_PORT")


@pytest.mark.parametrize(
    "text",
    [
        "server: {port: '${SECRET}'}",
        "server: {public_url: '${SECRET}'}",
        "sources: [{kind: '${SECRET}'}]",
        "sources: [{kind: feed, feeds: ['ftp://${SECRET}']}]",
        "sources: [{kind: nostr, relays: ['${SECRET}']}]",
        "sources: [{kind: nostr, relays: ['wss://a.example'], secret_key: '${SECRET}'}]",
        "sources: [{kind: nostr, relays: ['wss://a.example'], secret_key: hunter2hunter2}]",
        "sources: [{kind: nostr, relays: ['wss://a.example'], secret_key: [hunter2hunter2]}]",
        "sources: [{kind: mastodon, servers: [a.example], token: {a.example: [hunter2hunter2]}}]",
        "sources: [{kind: feed, feeds: ['https://a.example'], name: '${SECRET}'},"
        " {kind: feed, feeds: ['https://a.example'], name: '${SECRET}'}]",
    ],
)
def test_no_error_shows_a_secret(text: str) -> None:
    lines = refused(EVENT + text, {"SECRET": "hunter2hunter2"})
    assert "hunter2hunter2" not in "\n".join(lines)


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abcdef\n")
    path = tmp_path / "config.yaml"
    path.write_text(EVENT + "sources: [{kind: mastodon, servers: [a.example], token: {file: token}}]\n")
    config = load_config(path, {})
    assert list(secret_values(config)) == ["abcdef"]
    assert "abcdef" not in repr(config)


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("none", "no such file"),
        (".", "no such file"),
        ("../token", "leads out of the config's folder"),
        ("empty", "empty"),
        ("large", "larger than"),
        ("binary", "codec can't decode"),
    ],
)
def test_a_secret_file_that_cannot_be_one_is_named_with_the_reason(
    tmp_path: Path, file: str, what: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * 5000)
    (tmp_path / "binary").write_bytes(b"\xff")
    path = tmp_path / "config.yaml"
    path.write_text(
        EVENT + f"sources:\n- kind: mastodon\n  servers: [a.example]\n  token: {{file: {file}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"{path}:10: sources[0].token: secret file {file}: ")
    assert what in line


def test_secrets_are_found_wherever_settings_nest() -> None:
    token = "token: {a.example: first, b.example: second}"
    config = read(EVENT + f"sources: [{{kind: mastodon, servers: [a.example, b.example], {token}}}]\n")
    assert sorted(secret_values(config)) == ["first", "second"]


FEED = "sources: [{{kind: feed, feeds: ['{}']}}]\n"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://a.example/feed?key=${KEY}", {"k3y-of-the-feed": "${KEY}"}),
        ("https://a.example/${KEY}/feed", {"k3y-of-the-feed": "${KEY}"}),
        ("https://${HOST}/feed", {}),
        ("https://${HOST}/feed?key=${KEY}", {"k3y-of-the-feed": "${KEY}"}),
        ("https://a.example/${YEAR}/feed", {}),
        ("https://a.example/feed?pin=${PIN}", {"4711": "${PIN}"}),
        ("https://a.example/${TAG}?key=${KEY}", {"k3y-of-the-feed": "${KEY}"}),
        ("${WHOLE}", {"pr1vate-part": "${WHOLE}", "t0ken-in-it": "${WHOLE}"}),
        ("https://${HALF}", {"pr1vate-part": "${HALF}"}),
    ],
)
def test_a_variable_behind_the_host_of_an_address_is_a_secret(address: str, found: dict[str, str]) -> None:
    env = {
        "KEY": "k3y-of-the-feed",
        "HOST": "blog-of.example",
        "TAG": "openideas",
        "YEAR": "2026",
        "PIN": "4711",
        "WHOLE": "https://a.example/feed/pr1vate-part?token=t0ken-in-it",
        "HALF": "a.example/pr1vate-part/x",
    }
    config = read(EVENT + FEED.format(address), env)
    assert secrets_of(config) == found
    assert secrets_of(config.model_copy(update={"server": config.server})) == found


def test_what_stands_under_a_secretive_name_is_a_secret_whatever_its_kind_says() -> None:
    found = Addresses()
    found.note(("sources", 0, "password"), "hunter2", {"hunter2": "${WORD}"})
    found.note(("sources", 0, "label"), "a label", {"a label": "${LABEL}"})
    assert found.secrets(read(EVENT).event) == {"hunter2": "[secret]"}


def test_a_feed_whose_address_lies_in_a_file_has_its_secrets_too(tmp_path: Path) -> None:
    (tmp_path / "feed").write_text("https://a.example/pr1vate-part/feed\n")
    path = tmp_path / "config.yaml"
    path.write_text(EVENT + "sources: [{kind: feed, feeds: [{url: {file: feed}}]}]\n")
    assert secrets_of(load_config(path, {})) == {"pr1vate-part": "{file: feed}"}


# the file


def test_a_file_that_is_not_there_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "config.yaml", {})


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"event:\n  name: K\xf6ln\n")
    with pytest.raises(ConfigError, match=r"config.yaml:2: not UTF-8"):
        load_config(path, {})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["event", "server", "sources", "kind", "name", "feeds", "file", "tls", "end", "wall", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_the_file_says_it_is_a_config_or_a_config_error(value: object) -> None:
    try:
        assert isinstance(read(json.dumps(value)), Config)
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - either is right


def test_the_sample_is_right(root: Path) -> None:
    config = load_config(root / "config.yaml", {})
    assert [source.kind for source in config.sources] == ["mastodon", "feed", "nostr"]


def test_the_schema_that_the_sample_names_is_current(root: Path) -> None:
    first = (root / "config.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=docs/config.schema.json"
    written = json.loads((root / "docs/config.schema.json").read_text())
    is_current = written == config_schema()
    assert is_current, "run: backchannel config schema > docs/config.schema.json"


def test_the_schema_knows_each_kind_by_its_own_settings() -> None:
    schema = config_schema()
    items = schema["properties"]["sources"]["items"]
    assert items["properties"]["kind"]["enum"] == kinds.names()
    for branch in items["allOf"]:
        kind = branch["if"]["properties"]["kind"]["const"]
        own = schema["$defs"][branch["then"]["$ref"].removeprefix("#/$defs/")]
        assert own["properties"].keys() == kinds.load(kind).Settings.model_fields.keys()
        assert own["additionalProperties"] is False


def test_every_reference_in_the_schema_leads_somewhere() -> None:
    schema = config_schema()
    text = json.dumps(schema)
    named = {part.split('"')[0] for part in text.split("#/$defs/")[1:]}
    assert named
    assert named <= schema["$defs"].keys()


# changes while running


async def test_a_change_is_taken_up_and_a_bad_one_leaves_the_old(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(EVENT)
    first = load_config(path, {})
    watcher = ConfigWatcher(path, {}, Clock(), first, every_s=0.01)
    changes = watcher.changes()

    path.write_text(EVENT + "wall: {delay_s: soon}\n")
    assert isinstance(await anext(changes), ConfigError)
    assert watcher.current is first

    path.write_text(EVENT + "wall: {delay_s: 7}\n")
    second = await anext(changes)
    assert isinstance(second, Config)
    assert second.wall.delay_s == 7
    assert watcher.current is second


async def test_an_edit_made_while_the_program_started_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(EVENT)
    first = load_config(path, {})
    path.write_text(EVENT + "wall: {delay_s: 7}\n")
    changed = await anext(ConfigWatcher(path, {}, Clock(), first, every_s=0.01).changes())
    assert isinstance(changed, Config)
    assert changed.wall.delay_s == 7


async def test_a_change_without_a_difference_is_none(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(EVENT)
    looked = asyncio.Event()

    class Counting(Clock):
        turns = 0

        async def sleep(self, seconds: float) -> None:
            self.turns += 1
            if self.turns == 2:
                looked.set()
            await super().sleep(seconds)

    watcher = ConfigWatcher(path, {}, Counting(), load_config(path, {}), every_s=0.01)
    path.write_text(EVENT + "# a comment\n")
    waiting = asyncio.ensure_future(anext(watcher.changes()))
    await looked.wait()
    assert not waiting.done()
    path.unlink()  # as editors do for a moment
    path.write_text(EVENT + "wall: {delay_s: 8}\n")
    changed = await waiting
    assert isinstance(changed, Config)
    assert changed.wall.delay_s == 8
