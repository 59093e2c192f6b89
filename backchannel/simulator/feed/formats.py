"""Entries as RSS 2.0, Atom with tombstones, RDF and JSON Feed. Pure: entries in, the document out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from xml.sax.saxutils import quoteattr

import msgspec
from msgspec import Struct

from backchannel.simulator.people import FeedInfo
from backchannel.simulator.world import iso

CONTENT_TYPES = {
    "xml": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
    "rdf": "application/rdf+xml; charset=utf-8",
}
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


class Article(Struct, frozen=True):
    """An article. Times are stamps; `gone` is when it was taken back, or 0; `picture` is an address."""

    id: str
    url: str
    title: str
    author: str
    content: str
    tags: Sequence[str]
    published: float
    updated: float
    picture: str = ""
    alt: str = ""
    lang: str = "en"
    gone: float = 0.0


def render_feed(info: FeedInfo, url: str, entries: Sequence[Article], updated: float) -> bytes:
    """Return the document in the format that the file's name ends with. `url` is the feed's own address."""
    render = {"xml": _rss, "atom": _atom, "rdf": _rdf, "json": _json}[info.file.rpartition(".")[2]]
    return render(info, url, entries, updated).encode()


def _rss(info: FeedInfo, url: str, entries: Sequence[Article], updated: float) -> str:
    def item(entry: Article) -> str:
        tags = "".join(f"<category>{escape(tag)}</category>" for tag in entry.tags)
        media = (
            f'<media:content url="{entry.picture}" medium="image" type="image/png">' if entry.picture else ""
        )
        media += (
            f"<media:description>{escape(entry.alt)}</media:description></media:content>" if media else ""
        )
        return (
            f"<item><title>{escape(entry.title)}</title><link>{entry.url}</link>"
            f'<guid isPermaLink="false">{entry.id}</guid><dc:creator>{escape(entry.author)}</dc:creator>'
            f"<pubDate>{_rfc822(entry.published)}</pubDate>{tags}{media}"
            f"<content:encoded>{escape(entry.content)}</content:encoded></item>\n"
        )

    items = "".join(item(entry) for entry in entries if not entry.gone)
    return (
        f'{_HEAD}<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom" '
        'xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        f"<title>{escape(info.title)}</title><link>{info.site}</link>"
        f"<description>{escape(info.about)}</description><language>en</language>"
        f'<atom:link href="{url}" rel="self" type="application/rss+xml"/>'
        f"<lastBuildDate>{_rfc822(updated)}</lastBuildDate>\n{items}</channel></rss>\n"
    )


def _atom(info: FeedInfo, url: str, entries: Sequence[Article], updated: float) -> str:
    def item(entry: Article) -> str:
        if entry.gone:
            when = iso(entry.gone, seconds=True)
            return f"<at:deleted-entry ref={quoteattr(entry.id)} when={quoteattr(when)}/>\n"
        tags = "".join(f"<category term={quoteattr(tag)}/>" for tag in entry.tags)
        return (
            f"<entry><id>{entry.id}</id><title>{escape(entry.title)}</title>"
            f'<link rel="alternate" href="{entry.url}"/><author><name>{escape(entry.author)}</name></author>'
            f"<published>{iso(entry.published, seconds=True)}</published>"
            f"<updated>{iso(entry.updated, seconds=True)}</updated>{tags}"
            f'<content type="html">{escape(entry.content)}</content></entry>\n'
        )

    items = "".join(map(item, entries))
    return (
        f'{_HEAD}<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0" '
        f'xml:lang="en"><id>{url}</id><title>{escape(info.title)}</title>'
        f'<subtitle>{escape(info.about)}</subtitle><link rel="self" href="{url}"/>'
        f'<link rel="alternate" href="{info.site}"/><updated>{iso(updated, seconds=True)}</updated>\n'
        f"{items}</feed>\n"
    )


def _rdf(info: FeedInfo, url: str, entries: Sequence[Article], updated: float) -> str:
    standing = [entry for entry in entries if not entry.gone]

    def item(entry: Article) -> str:
        tags = "".join(f"<dc:subject>{escape(tag)}</dc:subject>" for tag in entry.tags)
        title = escape(entry.title)
        return (
            f"<item rdf:about={quoteattr(entry.id)}><title>{title}</title><link>{entry.url}</link>"
            f"<dc:creator>{escape(entry.author)}</dc:creator>{tags}"
            f"<dc:date>{iso(entry.published, seconds=True)}</dc:date>"
            f"<content:encoded>{escape(entry.content)}</content:encoded></item>\n"
        )

    listed = "".join(f"<rdf:li rdf:resource={quoteattr(entry.id)}/>" for entry in standing)
    items = "".join(map(item, standing))
    return (
        f'{_HEAD}<rdf:RDF xmlns="http://purl.org/rss/1.0/" '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel rdf:about={quoteattr(url)}><title>{escape(info.title)}</title><link>{info.site}</link>"
        f"<description>{escape(info.about)}</description><dc:date>{iso(updated, seconds=True)}</dc:date>"
        f"<items><rdf:Seq>{listed}</rdf:Seq></items></channel>\n{items}</rdf:RDF>\n"
    )


def _json(info: FeedInfo, url: str, entries: Sequence[Article], _updated: float) -> str:
    def item(entry: Article) -> dict[str, object]:
        said: dict[str, object] = {
            "id": entry.id, "url": entry.url, "title": entry.title, "content_html": entry.content,
            "date_published": iso(entry.published, seconds=True),
            "date_modified": iso(entry.updated, seconds=True),
            "authors": [{"name": entry.author}], "tags": list(entry.tags), "language": entry.lang,
        }  # fmt: skip
        return said | ({"image": entry.picture} if entry.picture else {})

    feed = {
        "version": "https://jsonfeed.org/version/1.1", "title": info.title, "description": info.about,
        "home_page_url": info.site, "feed_url": url, "language": "en",
        "items": [item(entry) for entry in entries if not entry.gone],
    }  # fmt: skip
    return msgspec.json.encode(feed).decode()


def _rfc822(stamp: float) -> str:
    return format_datetime(datetime.fromtimestamp(stamp, UTC), usegmt=True)
