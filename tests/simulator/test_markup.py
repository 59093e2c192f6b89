import pytest

from backchannel.simulator.markup import Mention, find_tags, render_article, render_status


def test_paragraphs_and_lines() -> None:
    assert render_status("a\nb\n\nc", "http://x") == "<p>a<br />b</p><p>c</p>"


def test_what_is_no_markup_is_escaped() -> None:
    assert render_status("1 < 2 & <b>", "http://x") == "<p>1 &lt; 2 &amp; &lt;b&gt;</p>"


def test_a_hashtag_leads_to_its_timeline() -> None:
    found = render_status("#OpenIdeas26", "http://x")
    link = '<a href="http://x/tags/openideas26" class="mention hashtag" rel="tag">'
    assert found == f"<p>{link}#<span>OpenIdeas26</span></a></p>"


def test_a_long_link_is_shortened_as_mastodon_does() -> None:
    found = render_status("https://www.example.org/a/rather/long/path/to/somewhere", "http://x")
    assert '<span class="invisible">https://www.</span>' in found
    assert '<span class="ellipsis">example.org/a/rather/long/path</span>' in found
    assert '<span class="invisible">/to/somewhere</span>' in found


def test_who_is_answered_is_mentioned_first() -> None:
    found = render_status("yes", "http://x", Mention("noor", "http://y/@noor"))
    assert found.startswith('<p><span class="h-card" translate="no"><a href="http://y/@noor"')
    assert found.endswith("@<span>noor</span></a></span> yes</p>")


def test_a_quote_stands_before_the_words() -> None:
    assert render_status("look", "http://x", quoted="http://y/1").startswith('<p class="quote-inline">RE: <a')


def test_an_article_has_its_picture_with_alternative_text() -> None:
    found = render_article("Words", "http://x", "http://x/p.png", 'Say "hi"')
    assert found == '<figure><img src="http://x/p.png" alt="Say &quot;hi&quot;"></figure><p>Words</p>'


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#One and #one", ["one"]),
        ("a#b", []),
        ("#26", []),
        ("#źdźbło!", ["źdźbło"]),
        ("https://x.org/#no", []),
    ],
)
def test_hashtags_are_found(text: str, tags: list[str]) -> None:
    assert find_tags(text) == tags
