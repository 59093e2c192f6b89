"""A map that cannot grow."""

from backchannel.lru import Lru


def made(size: int, *keys: str) -> Lru[str, int]:
    lru: Lru[str, int] = Lru(size)
    for at, key in enumerate(keys):
        lru.put(key, at)
    return lru


def keys_of(lru: Lru[str, int]) -> list[str]:
    return [key for key, _ in lru.newest(100)]


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    lru = made(3, "a", "b", "c")
    assert lru.get("a") == 0
    lru.put("d", 3)
    assert keys_of(lru) == ["d", "a", "c"]


def test_a_value_set_again_takes_no_second_place() -> None:
    lru = made(2, "a", "b", "a")
    assert keys_of(lru) == ["a", "b"]
    assert lru.get("a") == 2


def test_to_look_at_the_newest_does_not_use_them() -> None:
    lru = made(2, "a", "b")
    assert lru.newest(1) == [("b", 1)]
    assert keys_of(lru) == ["b", "a"]


def test_what_was_dropped_or_never_there_is_none() -> None:
    lru = made(2, "a")
    lru.drop("a")
    lru.drop("never")
    assert (lru.get("a"), lru.get("never")) == (None, None)
