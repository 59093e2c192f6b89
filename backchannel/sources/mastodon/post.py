"""A Mastodon status → a post. Pure; raises exactly DecodeError."""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from backchannel.model import (
    Author,
    Body,
    DecodeError,
    Face,
    Post,
    Preview,
    Quote,
)
from backchannel.redaction import beginning
from backchannel.sources.mastodon.media import build_media, emoji_of
from backchannel.sources.mastodon.origin import belongs, origin_of, own_url, parse_uri
from backchannel.sources.mastodon.wire import (
    WireAccount,
    WireCard,
    WirePlain,
    WirePleroma,
    WirePoll,
    WireQuote,
    WireStatus,
    decode_object,
    word,
)
from backchannel.text import MAX_HTML, fold_tag, parse_html, plain_text, web_url, without_undrawn, words_of
from backchannel.wire import MAX_NAME
from backchannel.wire.dates import parse_date
from backchannel.wire.pictures import PictureIndex
from backchannel.wire.short_text import line, passage
from backchannel.wire.wishes import wishes_in_hashtags, wishes_in_words

MAX_QUOTED = 10_000
"""Characters of HTML that are read of a post within a post."""

OptOut = Literal["no-archive", "hide", "show"]

_NO_AVATAR = "/missing.png"  # Mastodon's stand-in for none; the page draws initials instead
_NOT_IN_NAME = re.compile(r"[^\w.~+-]")
_OPTED_OUT: Mapping[OptOut, tuple[str, ...]] = {
    "no-archive": ("no-archive",), "hide": ("noindex",), "show": (),
}  # fmt: skip


class View(Struct, frozen=True):
    """Says where a status is seen: `host` is the server asked (with its port), `domain` what it says stands
    in its own handles, `handles` what the operator says of any host's, `parents` the canonical ids behind its
    ids of posts that are answered."""

    source: str
    base: str
    host: str
    domain: str = ""
    parents: Mapping[str, str] = field(default_factory=dict)
    opt_outs: OptOut = "no-archive"
    handles: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Return the host whose ids it may speak for."""
        return origin_of(self.base)


def build_post(status: WireStatus, view: View) -> Post | None:
    """Return the post, or None for a boost, which is somebody else's post and no word of its own.
    DecodeError.

    A post in the name of another host's account is a lie, and undecodable.
    """
    if decode_object(status.reblog, WireStatus):
        return None
    account = status.account or WireAccount()
    uri = canonical_uri(status)
    is_origin = origin_of(uri) == view.origin
    pictures = PictureIndex(view.base)
    pictures.know(emoji_of(status.emojis, account.emojis))
    author = _author(status, view, pictures)
    quoted = _quoted(status, view)
    if quoted:
        pictures.know(emoji_of(quoted.emojis, (quoted.account or WireAccount()).emojis))
    body = _body(status, view, pictures, is_quoting=quoted is not None)
    media = build_media(status, pictures)
    quote = _quote(quoted, view, pictures) if quoted else None
    pleroma = decode_object(status.pleroma, WirePleroma)
    warning, poll = _warning(status), _poll(status)
    preview = _preview(status, pictures, quote)
    texts = [plain_text(body), warning, *poll, author.name]
    if quote:
        texts += [plain_text(quote.body), quote.warning, quote.author.name]
    face = Face(
        author=author,
        network="Mastodon",
        url=own_url(status.url or "", uri),
        body=body,
        warning=warning,
        media=media,
        poll=poll,
        preview=preview,
        emoji=pictures.used(texts),
        quote=quote,
    )
    return Post(
        id=uri,
        kind="mastodon",
        source=view.source,
        created_at=parse_date(status.created_at or ""),
        face=face,
        ref=f"{view.host}/{word(status.id)}",
        lang=passage(status.language),
        hashtags=_hashtags(status),
        reply_to=view.parents.get(word(status.in_reply_to_id), ""),
        labels=_labels(status, account, view.opt_outs),
        sensitive=bool(status.sensitive),
        revision=round(parse_date(status.edited_at) * 1000) if status.edited_at else 0,
        is_origin=is_origin,
        expires_at=parse_date(pleroma.expires_at) if pleroma and pleroma.expires_at else None,
        pictures=pictures.all(),
        via="" if is_origin else view.host,
        is_hearsay=quote is not None and origin_of(quote.id) != view.origin,
    )


def _hashtags(status: WireStatus) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (fold_tag(tag.name or "") for tag in status.tags or ()))))


def canonical_uri(status: WireStatus) -> str:
    """Return the status's global id, the same on every server. DecodeError when it has none."""
    return parse_uri(status.uri or status.url or "")


def _body(
    status: WireStatus, view: View, pictures: PictureIndex, *, is_quoting: bool = False, most: int = MAX_HTML
) -> Body:
    return parse_html(
        status.content or "",
        base=view.base,
        emoji=pictures.names,
        mentions={web_url(who.url or ""): who.acct or "" for who in status.mentions or ()},
        hashtags=[fold_tag(tag.name or "") for tag in status.tags or ()],
        is_quoting=is_quoting,
        most=most,
    )


def _author(status: WireStatus, view: View, pictures: PictureIndex) -> Author:
    account = status.account or WireAccount()
    acct = without_undrawn(passage(account.acct or account.username))
    if not acct:
        raise DecodeError("a status without an account")
    id_ = _author_id(status, account)
    name = line(account.display_name, MAX_NAME) or passage(account.username) or acct
    page = web_url(account.url or "", view.base)
    avatar = account.avatar_static or account.avatar or ""
    return Author(
        id=id_,
        name=name,
        handle=_handle(acct, origin_of(id_), view),
        url=page if origin_of(page) == origin_of(id_) else "",
        avatar=None if avatar.endswith(_NO_AVATAR) else pictures.add(avatar),
    )


def _handle(acct: str, origin: str, view: View) -> str:
    """`@name@domain`; the domain is a claim of whoever tells it, and holds where it belongs to the host."""
    name, _, claimed = acct.partition("@")
    if not claimed and origin == view.origin:
        claimed = view.domain
    known = view.handles.get(origin, origin)
    home = claimed if claimed == known or belongs(claimed, origin) else known
    return f"@{_NOT_IN_NAME.sub('', name)}@{home}"


def _author_id(status: WireStatus, account: WireAccount) -> str:
    """Return the account's global id. Servers that do not tell it have it in the ids of its posts.

    Its host is that of the post: DecodeError where somebody else is named.
    """
    uri = canonical_uri(status)
    origin = origin_of(uri)
    pleroma = decode_object(account.pleroma, WirePleroma)
    if said := account.uri or (pleroma.ap_id if pleroma else None):
        if origin_of(found := parse_uri(said)) != origin:
            raise DecodeError(
                f"an account of {beginning(origin_of(found), 80)} with a post of {beginning(origin, 80)}"
            )
        return found
    prefix, mark, _ = uri.rpartition("/statuses/")
    page = web_url(account.url or "")
    if not mark and origin_of(page) == origin:
        return parse_uri(page)
    return prefix if mark else f"https://{origin}/@{passage(account.username or account.acct)}"


def _warning(status: WireStatus) -> str:
    """Return the content warning; Pleroma's own field for it is HTML, with the plain words beside it."""
    pleroma = decode_object(status.pleroma, WirePleroma)
    plain = decode_object(pleroma.spoiler_text, WirePlain) if pleroma else None
    return passage((plain.text if plain else None) or status.spoiler_text)


def _poll(status: WireStatus) -> tuple[str, ...]:
    poll = decode_object(status.poll, WirePoll)
    options = (passage(option.title) for option in (poll.options if poll else None) or ())
    return tuple(filter(None, options))


def _preview(status: WireStatus, pictures: PictureIndex, quote: Quote | None) -> Preview | None:
    card = decode_object(status.card, WireCard)
    url = web_url(card.url or "") if card else ""
    if not card or not url or (quote and quote.url == url):
        return None
    title = passage(card.title)
    return Preview(url, title, passage(card.description), pictures.add(card.image)) if title else None


def _quoted(status: WireStatus, view: View) -> WireStatus | None:
    """Return the quoted status, where it may be shown.

    Mastodon says whether the quoted author agreed (`state`); only "accepted" counts, also among states yet
    to be invented. Pleroma's and Misskey's relatives put the status itself there, or into `pleroma`.
    """
    pleroma = decode_object(status.pleroma, WirePleroma)
    for raw in (status.quote, pleroma.quote if pleroma else None):
        if raw is None or not (quote := decode_object(raw, WireQuote)):
            continue
        if quote.state is not None:
            raw = quote.quoted_status if quote.state == "accepted" else None
        quoted = decode_object(raw, WireStatus) if raw else None
        return quoted if quoted and _may_be_quoted(quoted, view) else None
    return None


def _may_be_quoted(quoted: WireStatus, view: View) -> bool:
    """Tell whether its author does not mind being on a wall, and it is no lie about them."""
    account = quoted.account
    if not word(quoted.id) or account is None or _refusals(quoted, account):
        return False
    try:
        _author(quoted, view, PictureIndex(view.base))
    except DecodeError:
        return False
    return decode_object(quoted.reblog, WireStatus) is None


def _quote(quoted: WireStatus, view: View, pictures: PictureIndex) -> Quote:
    uri = canonical_uri(quoted)
    warning = _warning(quoted)
    return Quote(
        id=uri,
        url=own_url(quoted.url or "", uri),
        author=_author(quoted, view, pictures),
        body=_body(quoted, view, pictures, most=MAX_QUOTED),
        warning=warning,
        # A quotation has no curtain of its own for pictures without a warning.
        media=() if quoted.sensitive and not warning else build_media(quoted, pictures),
    )


def _refusals(status: WireStatus, account: WireAccount | None) -> list[str]:
    """Labels that say: not on a wall. A status that does not say it is public is not."""
    account = account or WireAccount()
    found = [*wishes_in_words(words_of(account.note or "")), *wishes_in_hashtags(_hashtags(status))]
    if status.visibility != "public":
        found.append("not-public")
    said = ("noindex", "limited", "suspended", "memorial")
    return [*found, *(name for name in said if getattr(account, name))]


def _labels(status: WireStatus, account: WireAccount, opt_outs: OptOut) -> tuple[str, ...]:
    found = _refusals(status, account)
    if account.bot:
        found.append("bot")
    if account.discoverable is False or account.indexable is False:
        found += _OPTED_OUT[opt_outs]
    return tuple(sorted(set(found)))
