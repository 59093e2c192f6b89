"""Words by which people stay off walls and out of searches, wherever a network lets them write. Pure."""

import re
import unicodedata
from collections.abc import Collection

WISHES = ("nobot", "noindex", "nowall")
"""As hashtags, in a profile or in a post; each is a label of `model.REFUSALS`, too."""

# Anywhere in a word, too: who wrote it does not want to be shown, however it is written.
_WISH = re.compile(r"[#＃](nobot|noindex|nowall)s?(?!\w)")


def wishes_in_words(about: str) -> list[str]:
    """Return the wishes that a profile's words hold, in order, each once. `#nobots` is one."""
    folded = unicodedata.normalize("NFKC", about).casefold()
    return list(dict.fromkeys(match[1] for match in _WISH.finditer(folded)))


def wishes_in_hashtags(hashtags: Collection[str]) -> list[str]:
    """Return the wishes among a post's folded hashtags."""
    return [wish for wish in WISHES if wish in hashtags]
