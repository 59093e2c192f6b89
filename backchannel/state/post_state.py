"""The memory of one post: numbers, ids, hashes. Its words stay in the log, read by number."""

from msgspec import Struct

from backchannel.board import Picture
from backchannel.model import Post, Verdict, quotable_digest


class RuleVerdict(Struct, frozen=True, gc=False):
    """The latest word of a rule on a post's hash."""

    by: str
    verdict: Verdict
    clearance: str


class Hearsay(Struct, frozen=True, gc=False):
    """Holds a claim of a post about what another has said: whose id, by which author, in which words."""

    post: str
    author: str
    words: bytes


class PostState(Struct, gc=False):
    """A post, as far as memory holds it.

    `key`: its first entry; `post`: the entry of the standing copy; `taken_at`: when the first was taken in.
    `addresses` and `pictures` stand side by side; `hash` is empty until the last picture is settled.
    `rule` is the latest word of a rule, on `rule_hash`; `spoke`: the rules that have ruled on this waiting.
    `voice` is who takes room with it, see `voice_of`. `profile` stands for the author's face as this copy
    shows it, and for who gave it. `waits_seq`, `waits_at`: the entry that made it wait. `is_origin`: who may
    speak for the id has spoken; `via`: the host that gave any other copy; `lane`: where it was read first.
    `left`: the revision that was no candidate; `is_absent`: it is not found now.
    `at`: its display time, which stays what it was when it came to the screens; `is_folded`, `is_counted`:
    where it stood last, see `crowd.py`.
    """

    key: int
    id: str
    author: str
    voice: str
    taken_at: float
    post: int
    kind: str
    source: str
    lane: str
    via: str
    revision: int
    is_origin: bool
    words: bytes
    addresses: tuple[str, ...]
    pictures: tuple[Picture | None, ...]
    embeds: tuple[str, ...]
    reply_to: str
    expires_at: float | None = None
    profile: bytes = b""
    hash: str = ""
    left: int = -1
    is_absent: bool = False
    hearsay: Hearsay | None = None
    order: int = 0
    waits_seq: int = 0
    waits_at: float = 0.0
    rule: RuleVerdict | None = None
    rule_hash: str = ""
    spoke: tuple[str, ...] = ()
    at: float = 0.0
    is_folded: bool = False
    is_counted: bool = False

    @property
    def rule_id(self) -> str:
        """The name of its rule's ruling: the rule, and the entry that made the post wait."""
        return f"{self.rule.by}:{self.waits_seq}" if self.rule and self.rule_hash == self.hash else ""


class UnsettledCopy(Struct):
    """A copy whose pictures are not all here: what its hash is made of, what is missing since when, and what
    was dropped."""

    face: bytes
    author: bytes
    avatar: int | None
    missing: dict[str, int]
    since: float
    dropped: dict[str, int]


def voice_of(post: Post) -> str:
    """Return the name that takes room on the screens for this post.

    It is the author's where the author's own server, key or feed speaks. A copy that somebody else passes on
    counts for that somebody together with the author: else a server could use up a person's room with words
    that it invents.
    """
    return f"{post.face.author.id} by {post.via}" if post.via else post.face.author.id


def hearsay_of(post: Post) -> Hearsay | None:
    """Return what the post claims that another has said, where that is not the quoted one's own word."""
    quote = post.face.quote if post.is_hearsay else None
    return Hearsay(quote.id, quote.author.id, quotable_digest(quote)) if quote else None
