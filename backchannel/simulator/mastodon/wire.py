"""Mastodon's entities as its API 4.6 serialises them: accounts, statuses, attachments, polls, cards.

The key sets are those of the recorded exchanges; see docs/simulator.md for what is known to differ.
"""

import html
from hashlib import sha256

from backchannel.simulator.markup import Mention, find_tags, render_status
from backchannel.simulator.mastodon.copies import Copy, SimulatedServer, account_id, snowflake
from backchannel.simulator.people import CAST, EMOJI, Person
from backchannel.simulator.pictures import SIZES
from backchannel.simulator.script import Sketch
from backchannel.simulator.world import iso

Json = dict[str, object]

_BLURHASH = "UGC~-#M{0JfkNFofR%M{IURj%Mt7E0oM%MR*"
_POLICY: Json = {"automatic": ["public"], "manual": [], "current_user": "automatic"}
_HALF_LIFE_S = 1800.0


class Renderer:
    """Serialises what `server` has at the moment `at_s` for `viewer` (a person's key, or "")."""

    def __init__(self, server: SimulatedServer, at_s: float, viewer: str = "") -> None:
        self.server = server
        self.at_s = at_s
        self.viewer = viewer

    def status(self, copy: Copy, *, depth: int = 0, as_source: bool = False) -> Json:
        """Return a status; with `as_source` its plain text instead of HTML, as an answer to its deletion."""
        said, version = copy.said, copy.version(self.at_s)
        parent = self.server.copy_of(said.answers, self.at_s) if said.answers else None
        is_edited = version is not said.versions[0]
        status: Json = {
            "id": str(copy.id),
            "created_at": iso(self.server.world.stamp(said.at_s)),
            "in_reply_to_id": str(parent.id) if parent else None,
            "in_reply_to_account_id": self._account_id(parent.said.who) if parent else None,
            "sensitive": bool(version.warning),
            "spoiler_text": version.warning,
            "visibility": said.visibility,
            "language": said.lang,
            "uri": self.server.uri(said),
            "url": self.server.url(said),
            "replies_count": len(self.server.answers(copy, self.at_s)),
            "reblogs_count": self._count(f"{said.key} reblogs", said.at_s, 9),
            "favourites_count": self._count(f"{said.key} favourites", said.at_s, 40),
            "quotes_count": 0,
            "edited_at": iso(self.server.world.stamp(version.at_s)) if is_edited else None,
        }
        if self.viewer:
            status |= dict.fromkeys(("favourited", "reblogged", "muted", "bookmarked"), False)
            if said.who == self.viewer:
                status["pinned"] = False
        status |= {"text": version.text} if as_source else {"content": self._content(copy)}
        status |= {"filtered": []} if self.viewer else {}
        return status | {
            "reblog": None,
            "application": {"name": "Web", "website": None} if copy.lag_s == 0 else None,
            "account": self.account(said.who),
            "media_attachments": [self.attachment(copy, picture) for picture in said.pictures],
            "mentions": [self._mention(parent.said.who)] if parent else [],
            "tags": [self._tag(name) for name in find_tags(version.text)],
            "emojis": self._emojis(version.text),
            "tagged_collections": [],
            "quote": self._quote(copy, depth, as_source=as_source),
            "card": self._card(copy),
            "poll": self._poll(copy),
            "quote_approval": _POLICY,
        }

    def account(self, who: str) -> Json:
        """Return an account as this server knows it; avatars of remote people come from its cache."""
        person = CAST[who]
        base, path = self.server.bases[person.server], self._avatar(person)
        note = render_status(person.bio, base) if person.bio else ""
        return {
            "id": self._account_id(who),
            "username": person.handle,
            "acct": self._acct(person),
            "display_name": person.name,
            "locked": False,
            "bot": person.is_bot,
            "discoverable": who != "quiet",
            "indexable": who != "quiet",
            "group": False,
            "created_at": "2026-08-01T00:00:00.000Z",
            "note": note,
            "url": f"{base}/@{person.handle}",
            "uri": f"{base}/ap/users/{account_id(who, person.server)}",
            "avatar": path,
            "avatar_static": path,
            "avatar_description": "",
            "header": f"{self.server.base}/headers/original/missing.png",
            "header_static": f"{self.server.base}/headers/original/missing.png",
            "header_description": "",
            "followers_count": self._count(f"{who} followers", -1e9, 900),
            "following_count": self._count(f"{who} following", -1e9, 300),
            "statuses_count": sum(copy.said.who == who for copy in self.server.here(self.at_s)),
            "last_status_at": iso(self.server.world.stamp(self.at_s))[:10],
            "hide_collections": None,
            "show_media": True,
            "show_media_replies": True,
            "show_featured": True,
            "noindex": who == "quiet",
            "feature_approval": _POLICY,
            "emojis": self._emojis(person.name),
            "roles": [],
            "fields": [],
        }

    def edits(self, copy: Copy) -> list[Json]:
        """Return the history: every version that has reached this server, oldest first."""
        account, said = self.account(copy.said.who), copy.said
        known = [version for version in said.versions if version.at_s <= self.at_s - copy.lag_s]
        return [
            {
                "content": render_status(version.text, self.server.bases[int(said.place)]),
                "spoiler_text": version.warning,
                "sensitive": bool(version.warning),
                "created_at": iso(self.server.world.stamp(version.at_s)),
                "account": account,
                "media_attachments": [self.attachment(copy, picture) for picture in said.pictures],
                "emojis": self._emojis(version.text),
            }
            for version in known or said.versions[:1]
        ]

    def attachment(self, copy: Copy, picture: Sketch) -> Json:
        """Return a picture: the server's own file, or its cached copy of a remote one."""
        number = self.server.number
        media_id = snowflake(
            int(self.server.world.stamp(copy.arrives_s) * 1000) - 900, picture.name + str(number)
        )
        path = f"media_attachments/files/{_parted(media_id)}/{{}}/{picture.name}.png"
        home = self.server.bases[int(copy.said.place)]
        width, height = SIZES[picture.kind]
        small = (width * 480 // width, height * 480 // width)
        return {
            "id": str(media_id),
            "type": "image",
            "url": self._file(path.format("original"), is_home=copy.lag_s == 0),
            "preview_url": self._file(path.format("small"), is_home=copy.lag_s == 0),
            "remote_url": f"{home}/system/{path.format('original')}" if copy.lag_s else None,
            "preview_remote_url": None,
            "text_url": None,
            "meta": {
                "original": _extent(width, height),
                "small": _extent(*small),
                "focus": {"x": 0.0, "y": 0.0},
            },
            "description": picture.alt or None,
            "blurhash": _BLURHASH,
        }

    def emoji(self, name: str) -> Json:
        """Return a custom emoji."""
        url = self._file(f"custom_emojis/images/000/000/001/original/{Sketch('emoji', name).name}.png")
        return {"shortcode": name, "url": url, "static_url": url, "visible_in_picker": True}

    def _content(self, copy: Copy) -> str:
        said, version = copy.said, copy.version(self.at_s)
        mention = None
        if parent := self.server.copy_of(said.answers, self.at_s) if said.answers else None:
            person = CAST[parent.said.who]
            mention = Mention(person.handle, f"{self.server.bases[person.server]}/@{person.handle}")
        quoted = self.server.copy_of(said.quotes, self.at_s) if said.quotes else None
        base = self.server.bases[int(said.place)]
        return render_status(version.text, base, mention, self.server.url(quoted.said) if quoted else "")

    def _quote(self, copy: Copy, depth: int, *, as_source: bool) -> Json | None:
        if not copy.said.quotes:
            return None
        quoted = self.server.copy_of(copy.said.quotes, self.at_s)
        if quoted is None:
            return {"state": "deleted", "quoted_status": None}
        if copy.said.is_quote_revoked and not as_source:
            return {"state": "revoked", "quoted_status": None}
        state = "revoked" if copy.said.is_quote_revoked else "accepted"
        if depth:
            return {"state": state, "quoted_status_id": str(quoted.id)}
        return {"state": state, "quoted_status": self.status(quoted, depth=1, as_source=as_source)}

    def _card(self, copy: Copy) -> Json | None:
        if copy.said.card is None:
            return None
        url, title, description = copy.said.card
        width, height = SIZES["card"]
        picture = Sketch("card", title)
        empty = dict.fromkeys(("author_name", "author_url", "provider_url", "html", "embed_url"), "")
        return {
            "url": url, "title": title, "description": description, "language": "en", "type": "link",
            "provider_name": url.split("/")[2], "width": width, "height": height, "image_description": "",
            "image": self._file(f"preview_cards/images/000/000/001/original/{picture.name}.png"),
            "blurhash": _BLURHASH, "published_at": None, "authors": [], **empty,
        }  # fmt: skip

    def _poll(self, copy: Copy) -> Json | None:
        said = copy.said
        if not said.poll:
            return None
        counts = [self._count(f"{said.key} {option}", said.at_s, 60) for option in said.poll]
        ends_s = said.at_s + 3600
        voted: Json = {"voted": False, "own_votes": []} if self.viewer else {}
        return {
            "id": str(copy.id % 100_000),
            "expires_at": iso(self.server.world.stamp(ends_s)),
            "expired": ends_s <= self.at_s,
            "multiple": False,
            "votes_count": sum(counts),
            "voters_count": sum(counts),
            **voted,
            "options": [
                {"title": option, "votes_count": count}
                for option, count in zip(said.poll, counts, strict=True)
            ],
            "emojis": [],
        }

    def _mention(self, who: str) -> Json:
        person = CAST[who]
        url = f"{self.server.bases[person.server]}/@{person.handle}"
        return {
            "id": self._account_id(who),
            "username": person.handle,
            "url": url,
            "acct": self._acct(person),
        }

    def _tag(self, name: str) -> Json:
        return {"name": name, "url": f"{self.server.base}/tags/{name}"}

    def _emojis(self, text: str) -> list[Json]:
        return [self.emoji(name) for name in EMOJI if f":{name}:" in text]

    def _avatar(self, person: Person) -> str:
        name = Sketch("portrait", person.key).name
        path = f"accounts/avatars/{_parted(account_id(person.key, self.server.number))}/original/{name}.png"
        return self._file(path, is_home=person.server == self.server.number)

    def _file(self, path: str, *, is_home: bool = True) -> str:
        return f"{self.server.base}/{'system' if is_home else 'cache'}/{path}"

    def _acct(self, person: Person) -> str:
        is_home = person.server == self.server.number
        return person.handle if is_home else f"{person.handle}@{self.server.domains[person.server]}"

    def _account_id(self, who: str) -> str:
        return str(account_id(who, self.server.number))

    def _count(self, name: str, since_s: float, most: int) -> int:
        """Return a number of the seed that grows with the post's age."""
        final = int.from_bytes(sha256(f"{self.server.world.seed} {name}".encode()).digest()[:4]) % (most + 1)
        return int(final * (1 - 0.5 ** (max(self.at_s - since_s, 0.0) / _HALF_LIFE_S)))


def plain_note(person: Person) -> str:
    """Return the bio as its owner typed it."""
    return html.unescape(person.bio)


def _parted(number: int) -> str:
    digits = str(number).zfill(18)
    return "/".join(digits[at : at + 3] for at in range(0, len(digits), 3))


def _extent(width: int, height: int) -> Json:
    return {"width": width, "height": height, "size": f"{width}x{height}", "aspect": round(width / height, 6)}
