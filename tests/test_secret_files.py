"""The secret store: one file, for our eyes only."""

import json
import stat
from pathlib import Path

import pytest

from backchannel.errors import UserError
from backchannel.secret_files import FILE, SecretStore


def test_the_first_opening_makes_keys_and_the_next_finds_the_same(tmp_path: Path) -> None:
    first = SecretStore.open(tmp_path / "data")
    second = SecretStore.open(tmp_path / "data")
    assert len(first.mark_key) == 32
    assert (first.mark_key, first.control_token) == (second.mark_key, second.control_token)


def test_two_folders_have_different_keys(tmp_path: Path) -> None:
    one, other = SecretStore.open(tmp_path / "one"), SecretStore.open(tmp_path / "other")
    assert one.mark_key != other.mark_key
    assert one.control_token != other.control_token


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    SecretStore.open(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    SecretStore.open(tmp_path)
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(UserError, match=rf"{mode:04o}.*chmod 600"):
        SecretStore.read(tmp_path)


def test_reading_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="backchannel serve"):
        SecretStore.read(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_of_an_earlier_release_with_a_place_for_more_is_read(tmp_path: Path) -> None:
    first = SecretStore.open(tmp_path)
    held = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**held, "values": {}}))
    assert SecretStore.read(tmp_path).mark_key == first.mark_key


@pytest.mark.parametrize(
    "damage",
    [b"", b"{}", b'{"mark_key": "ab', b'{"mark_key":"abcd","control_token":"short"}', b"\xff"],
    ids=["empty", "no keys", "cut off", "short keys", "no text"],
)
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage: bytes) -> None:
    SecretStore.open(tmp_path)
    (tmp_path / FILE).write_bytes(damage)
    with pytest.raises(UserError, match="damaged"):
        SecretStore.open(tmp_path)
    assert (tmp_path / FILE).read_bytes() == damage


def test_a_half_written_draft_of_an_earlier_life_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / FILE).with_suffix(".new").write_text("half")
    store = SecretStore.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert SecretStore.read(tmp_path).mark_key == store.mark_key


def test_neither_the_store_nor_its_errors_show_a_secret(tmp_path: Path) -> None:
    store = SecretStore.open(tmp_path)
    held = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(held)[:-1])
    with pytest.raises(UserError) as caught:
        SecretStore.read(tmp_path)
    said = repr(store) + str(caught.value) + repr(caught.value.__cause__)
    assert not any(secret in said for secret in store.values())


def test_all_of_its_values_can_be_kept_out_of_the_log(tmp_path: Path) -> None:
    store = SecretStore.open(tmp_path)
    assert store.values() == [store.mark_key.hex(), store.control_token]
