"""Foreign text: the body tree, addresses, characters."""

from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel.model import Body, Node
from backchannel.text import (
    MAX_DEPTH,
    MAX_HTML,
    claims_another,
    find_hashtags,
    fold_tag,
    is_web_url,
    parse_html,
    parse_plain,
    plain_text,
    readable_url,
    shown_host,
    strip_controls,
    web_url,
)

INLINE = {"link", "mention", "hashtag", "emoji", "br", "em", "strong", "code"}
LINKS = {"link", "mention", "hashtag"}


def faults(body: Body, *, parent: str = "", depth: int = 1, in_link: bool = False) -> list[str]:
    """Every rule of the tree that this body breaks."""
    found: list[str] = []
    before: str | Node | None = None
    for part in body:
        if isinstance(part, str):
            found += faults_of_text(part, before, parent)
        else:
            found += ["too deep"] if depth > MAX_DEPTH else []
            found += ["link in a link"] if part.t in LINKS and in_link else []
            found += faults_of_place(part, parent) + faults_of_node(part)
            found += faults(part.c, parent=part.t, depth=depth + 1, in_link=in_link or part.t in LINKS)
        before = part
    return found


def faults_of_text(text: str, before: str | Node | None, parent: str) -> list[str]:
    checks = {
        "empty text": not text,
        f"controls in {text!r}": strip_controls(text) != text,
        "adjacent text": isinstance(before, str),
        "text in a list": parent == "list",
    }
    return [name for name, is_fault in checks.items() if is_fault]


def faults_of_place(node: Node, parent: str) -> list[str]:
    checks = {
        f"{node.t} in a list": parent == "list" and node.t != "item",
        "item outside a list": node.t == "item" and parent != "list",
        f"{node.t} in {parent}": parent in {*INLINE, "paragraph"} and node.t not in INLINE,
    }
    return [name for name, is_fault in checks.items() if is_fault]


def faults_of_node(node: Node) -> list[str]:
    checks = {
        f"empty {node.t}": node.t not in ("br", "emoji") and not node.c,
        f"address {node.href!r}": bool(node.href) and web_url(node.href) != node.href,
        f"false {node}": node.t == "link" and claims_another(plain_text(node.c), node.href),
        f"no address in {node}": node.t == "link" and not node.href,
    }
    return [name for name, is_fault in checks.items() if is_fault]


def links(body: Body) -> list[Node]:
    """All elements that lead somewhere."""
    found = [part for part in body if isinstance(part, Node) and part.href]
    return found + [link for part in body if isinstance(part, Node) for link in links(part.c)]


# Hostile HTML by grammar: element × attribute × payload × encoding, nested and cut at random.

PAYLOADS = st.sampled_from(
    ["javascript:alert(1)", "java\tscript:alert(1)", "&#106;avascript:alert(1)", "vbscript:x", "https:", "?q",
     "data:text/html,<script>x</script>", "//evil.example/x", "https://bank.example\\@evil.example/",
     "https://bank.example@evil.example", "https://evil.example/?https://bank.example", "/relative",
     "\x01https://evil.example", "http://[::1", "http://a:99999999/", "https://xn--80ak6aa92e.com",
     "https://аррӏе.com/login", "https://ex%61mple.com", ""]
)  # fmt: skip
TAGS = st.sampled_from(
    ["a", "p", "b", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "span", "div", "h1", "td",
     "table", "svg", "math", "style", "script", "title", "textarea", "noscript", "template", "iframe", "xmp",
     "mtext", "annotation-xml", "foreignObject", "form", "input", "img", "br", "hr", "select", "option",
     "base", "meta"]
)  # fmt: skip
EVENTS = st.sampled_from(
    ["onerror", "onload", "onclick", "style", "id", "name", "formaction", "srcdoc", "xlink:href"]
)
CLASSES = st.sampled_from(["mention", "hashtag", "mention hashtag", "invisible", "ellipsis", "quote-inline"])
TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["https://bank.example/", "bank.example", "ｂank.example", "ban\u200bk.example", "#tag",
         "@bob@bank.example", ":blob:", "&lt;script&gt;", "<!--", "-->", "<![CDATA[", "]]>", "\u202eevil",
         "\x00", "\r\n", "\ud800", "<a "]
    ),
)  # fmt: skip


@st.composite
def elements(draw: st.DrawFn, inner: st.SearchStrategy[str] = TEXT) -> str:
    tag = draw(TAGS)
    quote = draw(st.sampled_from(['"', "'", "", "`"]))
    attributes = (
        f" href={quote}{draw(PAYLOADS)}{quote} class='{draw(CLASSES)}' {draw(EVENTS)}={quote}x{quote}"
    )
    close = draw(st.sampled_from([f"</{tag}>", "", f"</{tag} x>", "</p>", "/>"]))
    return f"<{tag}{attributes}>{draw(inner)}{close}"


HOSTILE = st.recursive(
    st.one_of(TEXT, elements()),
    lambda inner: st.one_of(st.lists(inner, max_size=4).map("".join), elements(inner)),
    max_leaves=12,
)


@given(HOSTILE, st.booleans())
def test_any_html_becomes_a_valid_tree(html: str, is_quoting: bool) -> None:
    body = parse_html(
        html, base="https://home.example/a", emoji=["blob"], hashtags=["tag"], is_quoting=is_quoting
    )
    assert faults(body) == []
    again = msgspec.json.decode(msgspec.json.encode(Node("paragraph", body)), type=Node)
    assert again.c == body


@given(st.text())
def test_any_string_is_html_enough(text: str) -> None:
    assert faults(parse_html(text)) == []


@given(st.text(), st.lists(st.text(max_size=5), max_size=3))
def test_any_string_is_plain_text_enough(text: str, emoji: list[str]) -> None:
    assert faults(parse_plain(text, emoji=emoji)) == []


@given(st.text(alphabet=st.characters(exclude_characters=":&<>", exclude_categories=["Cc", "Cs"])))
def test_text_without_markup_comes_back_unaltered(text: str) -> None:
    assert plain_text(parse_plain(text)) == text.strip()
    collapsed = " ".join(word for word in text.split(" ") if word)
    assert plain_text(parse_html(text)) == collapsed.strip()


@given(st.lists(st.text(alphabet="abc #", max_size=6), max_size=6))
def test_lines_come_back_as_lines(lines: list[str]) -> None:
    text = "\n".join(line.strip() or "x" for line in lines)
    assert plain_text(parse_plain(text)) == text


@given(
    st.integers(1, 400),
    st.sampled_from(["blockquote", "ul", "li", "em", "pre", "div", "b", "ul><li", "span"]),
)
def test_no_nesting_goes_deeper_than_the_rule(depth: int, tag: str) -> None:
    body = parse_html(f"<{tag}>" * depth + "bottom")
    assert faults(body) == []
    assert plain_text(body).endswith("bottom")


@given(PAYLOADS, TEXT)
def test_a_link_never_names_another_host_than_it_opens(href: str, text: str) -> None:
    for link in links(parse_html(f'<a href="{href}">{text}</a>', base="https://home.example/")):
        assert link.t != "link" or not claims_another(plain_text(link.c), link.href)


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("https://bank.example/login", "https://evil.example/"),
        ("bank.example", "https://evil.example/"),
        ("log in at bank.example now", "https://evil.example/"),
        ("bank．example", "https://evil.example/"),
        ("ban\u200bk.example", "https://evil.example/"),
        ("bank.example", "https://bank.example.evil.example/"),
        ("bank.example", "https://bank.example@evil.example/"),
        ("https://localhost/", "https://evil.example/"),
        ("https://exam…", "https://evil.example/"),
        ("see bank.example, please", "https://evil.example/"),
        ("evil.example.bank.example", "https://evil.example/"),
        ("https://evil.example@bank.example/", "https://evil.example/"),
    ],
)
def test_link_text_that_names_another_host_gives_way_to_the_real_one(text: str, href: str) -> None:
    (link,) = links(parse_html(f'<a href="{href}">{text}</a>'))
    assert link.c == (readable_url(link.href),)
    assert "evil.example" in link.c[0]


@pytest.mark.parametrize("text", ["Read more", "www.site.example/page", "Node.js 20.1", "the talk’s slides"])
def test_honest_link_text_is_kept(text: str) -> None:
    assert parse_html(f'<a href="https://site.example/page">{text}</a>') == (
        Node("link", (text,), href="https://site.example/page"),
    )


@pytest.mark.parametrize(
    "href",
    ["javascript:alert(1)", "data:text/html,x", "mailto:a@b.example", "ftp://a.example/", "https:", "https://",
     "http://a:port/", "http://[::1", "https://ex%61mple.com/", "https://a b.example/", "//", "", "https://..",
     "https://" + "a" * 3000 + ".example"],
)  # fmt: skip
def test_what_is_no_web_address_is_no_link(href: str) -> None:
    assert not is_web_url(href)
    assert parse_html(f'<a href="{href}">text</a>') == ("text",)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("HTTPS://Example.ORG", "https://example.org"),
        ("https://good.example\\@evil.example/x", "https://good.example/@evil.example/x"),
        ("https://good.example@evil.example/", "https://evil.example/"),
        (" https://a.example/ü b\n", "https://a.example/%C3%BC%20b"),
        ("https://ｅxample.org/", "https://example.org/"),
        ("https://bücher.example/?q=%20#top", "https://xn--bcher-kva.example/?q=%20#top"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
    ],
)
def test_an_address_is_rebuilt_as_browsers_read_it(url: str, clean: str) -> None:
    assert web_url(url) == clean
    assert web_url(clean) == clean


@given(st.text(max_size=40), st.sampled_from(["https://", "http://", "", "//", "https:/\\"]))
def test_a_rebuilt_address_is_stable_and_its_host_is_the_one_shown(rest: str, scheme: str) -> None:
    clean = web_url(scheme + rest, base="https://home.example/")
    assert web_url(clean) == clean
    if clean:
        host = urlsplit(clean).hostname
        assert host is not None
        assert host.isascii()
        assert shown_host(clean) == shown_host(f"https://{host if ':' not in host else f'[{host}]'}/")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.example.org/x", "example.org"),
        ("https://bücher.example", "bücher.example"),
        ("https://xn--bcher-kva.example", "bücher.example"),
        ("https://日本語.example", "日本語.example"),
        ("https://pаypal.example", "xn--pypal-4ve.example"),
        ("https://аррӏе.com", "xn--80ak6aa92e.com"),
        ("https://пример.рф", "пример.рф"),
        ("https://xn--999999999999.example", "xn--999999999999.example"),
        ("nothing", ""),
    ],
)
def test_a_host_of_mixed_scripts_is_shown_in_punycode(url: str, host: str) -> None:
    assert shown_host(url) == host


def test_mastodon_markup_becomes_mentions_hashtags_and_whole_links() -> None:
    html = (
        '<p><span class="h-card"><a href="https://one.example/@ann" class="u-url mention">@<span>ann</span>'
        '</a></span> on <a href="https://one.example/tags/PyCon" class="mention hashtag" rel="tag">#<span>'
        "PyCon</span></a><br />"
        '<a href="https://www.site.example/a/long/path" rel="nofollow"><span class="invisible">https://www.</span>'
        '<span class="ellipsis">site.example/a/lo</span><span class="invisible">ng/path</span></a></p>'
        "<p>:blob: end</p>"
    )
    assert parse_html(html, emoji=["blob"]) == (
        Node(
            "paragraph",
            (
                Node("mention", ("@ann",), href="https://one.example/@ann"),
                " on ",
                Node("hashtag", ("#PyCon",), href="https://one.example/tags/PyCon"),
                Node("br"),
                Node("link", ("site.example/a/long/path",), href="https://www.site.example/a/long/path"),
            ),
        ),
        Node("paragraph", (Node("emoji", name="blob"), " end")),
    )


@pytest.mark.parametrize(
    ("html", "body"),
    [
        (
            "<em>a<p>b</p>c</em>",
            (Node("em", ("a",)), Node("paragraph", (Node("em", ("b",)),)), Node("em", ("c",))),
        ),
        ("<b>a <i>b</i></b>", (Node("strong", ("a ", Node("em", ("b",)))),)),
        ("<h2>Title</h2>", (Node("paragraph", (Node("strong", ("Title",)),)),)),
        ("<pre>\n a\n  b\n</pre>", (Node("paragraph", (Node("code", (" a\n  b",)),)),)),
        ("<ul><li>a</li>b</ul>", (Node("list", (Node("item", ("a",)), Node("item", ("b",)))),)),
        ("<li>a</li>", (Node("paragraph", ("a",)),)),
        ("<blockquote><p>a</p></blockquote>", (Node("quote", (Node("paragraph", ("a",)),)),)),
        ("a<br><br><br><br>b<br>", ("a", Node("br"), Node("br"), "b")),
        ("a<script>b</script><svg>c</svg>d", ("ad",)),
        ("a <!-- b --> &amp;&lt;i&gt; &#x41;", ("a &<i> A",)),
        ("<td>a</td><td>b</td>", ("a b",)),
        ('<img alt="😀"><img alt="a photo" src="x">', ("😀",)),
        ("<p></p><p> </p><em></em>", ()),
        ("<a href='https://a.example/'></a>", ()),
    ],
)
def test_html_elements_become_elements_of_the_tree(html: str, body: Body) -> None:
    assert parse_html(html) == body


def test_relative_links_lead_to_their_site() -> None:
    (link,) = links(parse_html('<a href="../b?c">there</a>', base="https://a.example/x/y/"))
    assert link.href == "https://a.example/x/b?c"


def test_a_link_without_an_address_leads_nowhere_and_not_to_its_site() -> None:
    assert parse_html('<a>there</a> <a href="">here</a>', base="https://a.example/") == ("there here",)
    assert web_url("", "https://a.example/") == ""


def test_a_link_around_blocks_becomes_a_link_in_each() -> None:
    link = Node("link", ("x",), href="https://a.example/")
    assert parse_html('<a href="https://a.example/"><p>x</p><p>x</p></a>') == (
        Node("paragraph", (link,)),
        Node("paragraph", (link,)),
    )


def test_a_mention_keeps_a_host_only_where_address_or_network_confirm_it() -> None:
    html = '<a class="mention" href="https://evil.example/@bob">@bob@bank.example</a>'
    assert plain_text(parse_html(html)) == "@bob"
    confirmed = parse_html(html, mentions={"https://evil.example/@bob": "bob@bank.example"})
    assert plain_text(confirmed) == "@bob@bank.example"


def test_the_link_that_stands_for_a_shown_quote_is_left_out() -> None:
    html = '<p class="quote-inline">RE: <a href="https://a.example/1">a.example/1</a></p><p>Yes!</p>'
    assert plain_text(parse_html(html, is_quoting=True)) == "Yes!"
    assert plain_text(parse_html(html)) == "RE: a.example/1\nYes!"


def test_unlinked_hashtags_of_the_network_are_found_in_html() -> None:
    body = parse_html("<p>At #PyCon, not #other</p>", hashtags=["pycon"])
    assert find_hashtags(body) == ("pycon",)


def test_plain_text_finds_links_hashtags_and_emoji() -> None:
    assert parse_plain("Hi #PyCon!\n(https://a.example/x_(y)). :b: x#no #1 :c:", emoji=["b"]) == (
        "Hi ",
        Node("hashtag", ("#PyCon",)),
        "!",
        Node("br"),
        "(",
        Node("link", ("a.example/x_(y)",), href="https://a.example/x_(y)"),
        "). ",
        Node("emoji", name="b"),
        " x#no #1 :c:",
    )


@pytest.mark.parametrize(
    ("one", "other"), [("#PyCon", "pycon"), ("ＰｙＣｏｎ", "pycon"), ("STRASSE", "straße"), ("＃Ünï", "ÜNÏ")]
)
def test_spellings_of_one_hashtag_fold_to_the_same(one: str, other: str) -> None:
    assert fold_tag(one) == fold_tag(other)


@given(st.text())
def test_folding_a_folded_hashtag_changes_nothing(tag: str) -> None:
    assert fold_tag(fold_tag(tag)) == fold_tag(tag)


def test_hashtags_of_scripts_with_vowel_signs_are_whole() -> None:
    assert find_hashtags(parse_plain("#हिन्दी #ไทย #بايكون")) == ("हिन्दी", "ไทย", "بايكون")


def test_line_endings_are_one_and_controls_are_none() -> None:
    assert strip_controls("a\r\nb\rc\x00\x07\td\x85\ud800") == "a\nb\nc\td"


def test_what_is_longer_than_any_post_is_cut() -> None:
    assert plain_text(parse_html("a" * (MAX_HTML + 1))) == "a" * MAX_HTML + "…"
    assert parse_html("<ul><li>" + "a" * MAX_HTML) == (
        Node("list", (Node("item", ("a" * (MAX_HTML - 8) + "…",)),)),
    )


@pytest.mark.parametrize(
    "text",
    ["a." * 20_000, "a" * 40_000, "-" * 40_000, "1." * 20_000, "a.a1" * 10_000, "a:" * 20_000, "#a" * 20_000],
)
def test_hostile_link_text_takes_no_more_than_linear_time(text: str) -> None:
    """Quadratic work would run into the suite's time limit many times over."""
    for _ in range(20):
        assert faults(parse_html(f'<a href="https://a.example/">{text}</a>')) == []
        assert faults(parse_plain(f"https://a.example/{text}" + ")" * 40_000)) == []


def test_bidi_controls_stay_because_they_are_isolated_where_they_are_drawn() -> None:
    assert plain_text(parse_html("<p>a\u202eb\u2066c</p>")) == "a\u202eb\u2066c"
