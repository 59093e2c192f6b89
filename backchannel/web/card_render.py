"""The display form of a post: what a frame carries, and what a page puts in its place.

Python formats, the page places: times, names, hosts and alt texts come ready-made, and everything foreign is
bounded here. Nothing depends on who looks or when.
"""

from collections.abc import Collection, Sequence
from datetime import tzinfo
from typing import Any, Literal

import msgspec

from backchannel.board import Card, Item, Picture
from backchannel.clock import to_utc
from backchannel.model import Author, Body, Face, Media, Post, Preview, Quote
from backchannel.text import bound_marks, cut, draws_nothing, fold_tag, plain_text, shown_host
from backchannel.web.card_body import (
    EXCERPT,
    WHOLE,
    BodyRenderer,
    BodyView,
    Limits,
    in_pieces,
    split_tags,
    words_of,
)
from backchannel.web.card_room import room_of
from backchannel.web.card_text import (
    count_words,
    is_question,
    language_of,
    render_initials,
    render_time,
    split_handle,
    without_shortcodes,
)
from backchannel.web.card_view import (
    AuthorView,
    CardView,
    MediaView,
    PreviewView,
    QuoteView,
    RestView,
    TimeView,
)

_MEDIA_WORDS = {"image": "Picture", "video": "Video", "audio": "Sound", "animation": "Animation"}
_BREAK = "\u200b"
_UNSAID = "not said"

# Letters of a text, and how many of a kind; what is beyond stands where it was said, and a sign says so.
NAME, HANDLE, WARNING, ALT, OPTION, TITLE, TAGS, BEGINNING = 60, 120, 200, 1_000, 120, 200, 200, 280
ALTS, QUOTED_ALTS, OPTIONS, MEDIA, QUOTED_MEDIA = 2_000, 400, 12, 12, 4
HEAVY, HEAVIEST = 500, 800
LONG_EMS, LONG_LETTERS, LONG_LINES = 340, 800, 25
"""A text beyond these is folded in a tab, and only begins there."""


class _Face:
    """A face with the pictures we hold of it."""

    def __init__(self, face: Face, pictures: Sequence[Picture | None], own_tags: Collection[str]) -> None:
        self.face = face
        self.pictures = pictures
        self.own_tags = {fold_tag(tag) for tag in own_tags}
        self.emoji = {emoji.name: emoji.picture for emoji in face.emoji}

    def picture(self, index: int | None) -> Picture | None:
        """Return the settled picture behind an index, or None: not held, or it could not be had."""
        return self.pictures[index] if index is not None and 0 <= index < len(self.pictures) else None

    def src(self, index: int | None) -> str:
        picture = self.picture(index)
        return f"/media/{picture.hash}.webp" if picture else ""

    def body(self, body: Body, limits: Limits) -> tuple[BodyView, bool]:
        """Return the tree in its display form, nothing where it draws nothing; and whether there is more of
        it."""
        if draws_nothing(plain_text(body)):
            return (), False
        drawing = BodyRenderer(limits, self.own_tags, lambda name: self.src(self.emoji.get(name)))
        return drawing.draw(body), drawing.is_cut

    def name(self, author: Author) -> str:
        """Return a name without the shortcodes of its network's own emoji; the handle where it is blank."""
        name = drawn(without_shortcodes(author.name[: NAME * 16], self.emoji), NAME)
        return name or drawn(author.handle, HANDLE) or "?"

    def author(self, author: Author) -> AuthorView:
        name, handle = self.name(author), drawn(author.handle, HANDLE)
        short, home = split_handle(handle)
        return AuthorView(
            name=name,
            handle=handle,
            short=short,
            home=home,
            url=author.url,
            avatar=self.src(author.avatar),
            initials=render_initials(name, handle),
        )

    def media(self, media: Sequence[Media], url: str, most: int, alts: int) -> tuple[MediaView, ...]:
        """Return the first of them; of many, each says less about itself."""
        alt = min(ALT, alts // max(1, min(most, len(media))))
        return tuple(self._medium(medium, url, alt) for medium in media[:most])

    def _medium(self, media: Media, url: str, letters: int) -> MediaView:
        picture, word = self.picture(media.picture), _MEDIA_WORDS[media.kind]
        alt = drawn(media.alt, letters)
        if picture is None:
            return MediaView("words", alt=alt, label=word, url=url)
        kind: Literal["image", "moving"] = "image" if media.kind == "image" else "moving"
        src = self.src(media.picture)
        return MediaView(kind, src, alt, picture.width, picture.height, word, url)

    def preview(self, preview: Preview | None, *, with_picture: bool) -> PreviewView:
        if preview is None or not preview.url:
            return PreviewView()
        host = shown_host(preview.url)
        title = drawn(preview.title, TITLE) or host
        return PreviewView(preview.url, title, host, self.src(preview.picture) if with_picture else "")

    def quote(self, quote: Quote | None) -> QuoteView:
        if quote is None:
            return QuoteView()
        warned, (body, _) = bool(quote.warning), self.body(quote.body, EXCERPT)
        return QuoteView(
            url=quote.url,
            name=self.name(quote.author),
            meta=drawn(quote.author.handle, HANDLE),
            warning=self.warning(quote.warning),
            body=() if warned else split_tags(body)[0] or body,
            media=() if warned else self.media(quote.media, quote.url, QUOTED_MEDIA, QUOTED_ALTS),
        )

    def warning(self, warning: str) -> str:
        """Return the author's words of warning; a blank one still covers the post."""
        return drawn(warning, WARNING) or (_UNSAID if warning else "")


def drawn(text: str, limit: int) -> str:
    """Return a foreign text of one line as it is drawn: bounded, and empty where nobody could read anything.

    A word longer than any line is given places to break, as in a body.
    """
    shown = cut(bound_marks(text[: limit * 16]), limit)
    is_blank = draws_nothing(shown.removesuffix("…")) if len(text) > limit else draws_nothing(shown)
    return "" if is_blank else _BREAK.join(in_pieces(shown))


def _rest(face: Face, *, is_cut: bool) -> RestView:
    options, media = len(face.poll) - OPTIONS, len(face.media) - MEDIA
    return RestView(
        poll=f"and {options} more" if options > 0 else "",
        media=f"and {media} more" if media > 0 else "",
        body="It goes on where it was said" if is_cut else "",
    )


def _begin(text: str) -> str:
    return cut(bound_marks(" ".join(text[: BEGINNING * 16].split())), BEGINNING)


def render_card(post: Post, item: Item, *, zone: tzinfo, own_tags: Collection[str]) -> CardView:
    """Return a card as every page shows it. `item.value` is the board's Card: its pictures and its place."""
    card = item.value
    if not isinstance(card, Card):
        raise TypeError(f"item {item.key} is no card")
    face, view = post.face, _Face(post.face, card.pictures, own_tags)
    at = max(0.0, min(post.created_at, card.taken_at))
    text = plain_text(face.body)
    whole, is_cut = view.body(face.body, WHOLE)
    body, tags = split_tags(whole)
    words, room = count_words(text) if whole else 0, room_of(body)
    media, preview = (
        view.media(face.media, face.url, MEDIA, ALTS),
        view.preview(face.preview, with_picture=not face.media),
    )
    quote, poll = view.quote(face.quote), tuple(drawn(option, OPTION) for option in face.poll[:OPTIONS])
    is_long = room.ems > LONG_EMS or room.lines > LONG_LINES or len(words_of(body)) > LONG_LETTERS
    shown = CardView(
        key=item.key,
        order=item.order,
        clearance=card.clearance,
        network=face.network,
        lang=language_of(post.lang),
        url=face.url,
        author=view.author(face.author),
        meta=f"on {drawn(face.network, NAME)}",
        time=TimeView(*render_time(at, zone)),
        at=int(at),
        warning=view.warning(face.warning),
        sensitive=post.sensitive,
        body=body,
        tags=cut(tags, TAGS),
        media=media,
        poll=poll,
        preview=preview,
        quote=quote,
        rest=_rest(face, is_cut=is_cut),
        begins=_begin(text) if is_long else "",
        parent=card.parent,
        root=card.root,
        words=words,
        asks=bool(words) and is_question(words_of(body) if tags else text) and not face.warning,
        ems=room.ems,
        lines=room.lines,
        empty=not (whole or media or any(poll) or preview.url or quote.body or quote.media or quote.warning),
    )
    letters = _letters(shown)
    return msgspec.structs.replace(shown, heavy=(letters > HEAVY) + (letters > HEAVIEST))


def _letters(shown: CardView) -> int:
    """Return roughly how many letters a card lays out."""
    quote, whole, texts = (
        shown.quote,
        len(words_of(shown.body)),
        [shown.author.name, shown.warning, *shown.poll, shown.preview.title],
    )
    texts += [medium.alt for medium in (*shown.media, *quote.media)]
    return whole + sum(map(len, (*texts, quote.warning, words_of(quote.body))))


def api_post(
    post: Post, item: Item, *, zone: tzinfo, html: str, own_tags: Collection[str] = ()
) -> dict[str, Any]:
    """Return a post for `/api/v1/posts`. `html` is the served card, `card` what a page fills its own from."""
    card = render_card(post, item, zone=zone, own_tags=own_tags)
    return {
        "key": item.key,
        "order": item.order,
        "id": post.id,
        "kind": post.kind,
        "source": post.source,
        "url": post.face.url,
        "author": msgspec.to_builtins(card.author),
        "body": msgspec.to_builtins(card.body),
        "html": html,
        "text": plain_text(post.face.body),
        "created_at": to_utc(post.created_at).isoformat(),
        "media": msgspec.to_builtins(card.media),
        "card": msgspec.to_builtins(card),
    }
