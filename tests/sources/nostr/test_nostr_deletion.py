"""What a deletion takes down, and what it leaves."""

import pytest

from backchannel.sources.nostr.deletion import Watched, find_taken
from tests.sources.nostr.kit import ADA


@pytest.mark.parametrize(("revision", "is_taken"), [(101.0, False), (99.0, True)])
def test_an_article_newer_than_its_deletion_stays(revision: float, is_taken: bool) -> None:
    address = f"30023:{ADA.pubkey}:intro"
    (taken,) = find_taken(
        ADA.event("", ("a", address), kind=5, at=100),
        watched=Watched((), 0, {}, {f"nostr:{address}": revision}),
        owner_of=lambda _: None,
        revision_of=lambda _: None,
        relays=(),
    )
    assert taken.subjects == ((f"nostr:{address}",) if is_taken else ())
