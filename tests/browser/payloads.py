"""Markup that runs a script where a page lets it: tag x event x encoding x context, generated.

Each calls `globalThis.ran?.(number)`, so a test sees which of them ran.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

TAGS = (
    "img",
    "svg",
    "body",
    "video",
    "audio",
    "input",
    "details",
    "iframe",
    "object",
    "embed",
    "marquee",
    "select",
    "textarea",
    "button",
    "form",
    "a",
    "math",
    "style",
    "link",
    "base",
    "custom-x",
    "source",
    "table",
    "bc-card",
)
EVENTS = (
    "onerror",
    "onload",
    "onfocus",
    "ontoggle",
    "onbegin",
    "onanimationstart",
    "onpointerover",
    "onloadstart",
    "onbeforetoggle",
    "onscrollend",
    "oncontentvisibilityautostatechange",
    "onfocusin",
)
_WITH = MappingProxyType(
    {
        "onerror": " src=/no-such",
        "onload": " src=/qr.svg data=/qr.svg",
        "onfocus": " autofocus tabindex=0",
        "onfocusin": " autofocus tabindex=0",
        "ontoggle": " open popover",
        "onloadstart": " src=/qr.svg",
    }
)

Encode = Callable[[str], str]
ENCODINGS: Mapping[str, Encode] = MappingProxyType(
    {
        "plain": lambda code: f'"{code}"',
        "unquoted": lambda code: code,
        "single": lambda code: f"'{code}'",
        "references": lambda code: '"' + "".join(f"&#{ord(char)};" for char in code) + '"',
        "hex references": lambda code: '"' + "".join(f"&#x{ord(char):X};" for char in code) + '"',
        "javascript address": lambda code: f'"javascript:{code}"',
    }
)
CONTEXTS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "text": lambda markup: markup,
        "attribute": lambda markup: f'">{markup}',
        "single quotes": lambda markup: f"'>{markup}",
        "comment": lambda markup: f"-->{markup}<!--",
        "script": lambda markup: f"</script>{markup}",
        "title": lambda markup: f"</title></style></textarea></template></noscript>{markup}",
        "svg": lambda markup: f"<svg><desc>{markup}</desc></svg>",
        "math": lambda markup: f"<math><mtext><table><mglyph><style><!--</style>{markup}",
        "paragraph": lambda markup: f"<p><a href=https://a.example/>{markup}</a></p>",
        "references": lambda markup: markup.replace("<", "&lt;").replace(">", "&gt;"),
    }
)
_ADDRESSES = (
    "javascript:CODE",
    "JaVaScRiPt:CODE",
    "java\tscript:CODE",
    "java\nscript:CODE",
    " javascript:CODE",
    "\x01javascript:CODE",
    "javascript&colon;CODE",
    "data:text/html,<script>CODE</script>",
    "vbscript:CODE",
    "javascript://a.example/%0ACODE",
    'https://a.example/" onfocus="CODE" autofocus="',
    "https://a.example/' onfocus='CODE",
    "//a.example\\@b/CODE",
)
_WHOLE = (
    "<script>CODE</script>",
    "<script src=data:text/javascript,CODE></script>",
    "<script type=module>CODE</script>",
    "<iframe srcdoc='<script>parent.CODE</script>'></iframe>",
    "<object data='data:text/html,<script>CODE</script>'>",
    "<svg><script>CODE</script></svg>",
    "<svg><script href='data:text/javascript,CODE' /></svg>",
    "<svg><animate onbegin=CODE attributeName=x dur=1s></svg>",
    "<meta http-equiv=refresh content='0;javascript:CODE'>",
    "<img src=x onerror=CODE//",
    "<svg/onload=CODE>",
    "<img/src=x/onerror=CODE>",
    "<details open ontoggle=CODE>x",
    "<style>@keyframes x{from{top:0}}</style><b style='animation-name:x' onanimationstart=CODE>",
    "<body/onpageshow=CODE>",
    "{{constructor.constructor('CODE')()}}",
    "${CODE}",
    "[a](javascript:CODE)",
    '![a](x" onerror="CODE")',
    "<a href='javascript:CODE' autofocus onfocus=CODE>",
    "<template shadowrootmode=open><img src=x onerror=CODE></template>",
    "<noscript><p title='</noscript><img src=x onerror=CODE>'>",
    "<input autofocus onfocus=CODE>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=CODE/>#x'/></svg>",
    "<select autofocus onfocus=CODE>",
    "<xmp><img src=x onerror=CODE></xmp>",
    "<plaintext><img src=x onerror=CODE>",
    "<image src=x onerror=CODE>",
)


def payloads() -> Iterator[str]:
    """All of them, each with its number in it."""
    for number, make in enumerate([*_elements(), *_in_contexts(), *map(_filled, _ADDRESSES)]):
        yield make(f"globalThis.ran?.({number})")


def _filled(template: str) -> Encode:
    return lambda code: template.replace("CODE", code)


def _element(tag: str, event: str, encode: Encode) -> Encode:
    return lambda code: f"<{tag}{_WITH.get(event, '')} {event}={encode(code)}>"


def _elements() -> Iterator[Encode]:
    for tag in TAGS:
        for event in EVENTS:
            for encode in ENCODINGS.values():
                yield _element(tag, event, encode)


def _in_contexts() -> Iterator[Encode]:
    some = [
        _element(tag, event, encode)
        for tag in ("img", "svg", "details", "input", "video", "iframe")
        for event in EVENTS
        for encode in (ENCODINGS["plain"], ENCODINGS["unquoted"])
    ]
    for context in CONTEXTS.values():
        yield from (_within(context, make) for make in [*map(_filled, _WHOLE), *some])


def _within(context: Encode, make: Encode) -> Encode:
    return lambda code: context(make(code))
