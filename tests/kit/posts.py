"""Sample posts, and what people and networks say of them."""

import random

from backchannel.model import (
    Author,
    Deleted,
    Entry,
    Event,
    Face,
    Media,
    Post,
    Posted,
    Quote,
    Rank,
    Ruled,
    Verdict,
)


def author(name: str = "ada") -> Author:
    return Author(f"https://net.example/{name}", name.title(), f"@{name}", f"https://net.example/@{name}")


def post(
    name: str = "p1",
    text: str = "hello",
    *,
    by: str = "ada",
    revision: int = 0,
    source: str = "net",
    is_origin: bool = True,
    quote: Post | None = None,
    **more: object,
) -> Post:
    """A post of an invented network; `more` goes into the envelope."""
    quoted = Quote(quote.id, quote.face.url, quote.face.author, quote.face.body) if quote else None
    face = Face(author(by), "Net", f"https://net.example/{name}", (text,), quote=quoted)
    fields = {"created_at": 1000.0, "hashtags": ("conf",), **more}
    return Post(f"id:{name}", "net", source, face=face, revision=revision, is_origin=is_origin, **fields)  # type: ignore[arg-type]


def pictured(name: str, *addresses: str, **more: object) -> Post:
    """A post with a picture an address."""
    plain = post(name, **more)  # type: ignore[arg-type]
    media = tuple(Media(str(n), "image", f"alt {n}", n) for n, _ in enumerate(addresses))
    face = Face(plain.face.author, "Net", plain.face.url, plain.face.body, media=media)
    fields = {**{f: getattr(plain, f) for f in plain.__struct_fields__}, "face": face, "pictures": addresses}
    return Post(**fields)


_said = 0


def person(subject: str, verdict: Verdict, *, hash_: str = "", undoes: str = "", why: str = "") -> Ruled:
    """A person's word, with an id of its own."""
    global _said
    _said += 1
    return Ruled(f"word:{_said}", subject, verdict, Rank.PERSON, "grace", hash_, why, undoes)


def hide(subject: str) -> Ruled:
    return person(subject, "hide")


def entries(*events: Event) -> list[Entry]:
    """As a log would hold them, numbered from 1, a second apart."""
    return [Entry(seq, float(seq), event) for seq, event in enumerate(events, 1)]


def steps(seed: int, count: int) -> list[Event]:
    """Posts, edits (some late), deletions (some early), duplicates. A pure function of the seed."""
    chance = random.Random(seed)
    told: list[Event] = []
    for n in range(count):
        name, by = f"p{n}", f"a{n % 7}"
        mine: list[Event] = [
            Posted(post(name, f"post {n} take {r}", by=by, revision=r))
            for r in range(chance.choice((1, 1, 1, 2, 3)))
        ]
        if chance.random() < 0.15:
            mine.append(Deleted(f"id:{name}"))
        mine += chance.choices(mine, k=chance.choice((0, 0, 1, 2)))
        chance.shuffle(mine)
        for step in mine:
            told.insert(max(0, len(told) - chance.randrange(6)), step)
    return told
