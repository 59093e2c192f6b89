"""Decides who may reach into the operator's own network, and where to.

`server.allow_addresses` names networks that may lie inward. It opens none of them: an exemption holds for a
host and port that the operator wrote down as a server, a relay or a feed, and for the source under which it
stands there. That source's own requests may go there, and so may the pictures of its posts, since a server
that hands us posts hands us their pictures from beside them. Every other address in a post (a profile
picture with another port, a picture on the host of another source, what a server redirects to) was written
by a stranger and stays outside.

What is left to a stranger is a picture from the very host and port that carried their post, any path of it,
if it is a picture: what that server shows to whoever asks it without a password.
"""

from collections.abc import Iterable

from backchannel.config import Config
from backchannel.fetch import Origin, origin_of


class Exemptions:
    """`take_up` after each change of the configuration; it is looked at anew for each request."""

    def __init__(self, config: Config) -> None:
        self._of: dict[str, frozenset[Origin]] = {}
        self._pictures: frozenset[Origin] = frozenset()
        self.take_up(config)

    def take_up(self, config: Config) -> None:
        """Take the hosts that this configuration names in place of the former ones."""
        self._of = {source.name or source.kind: _origins(source.addresses()) for source in config.sources}
        self._pictures = _origins(f"http://{said}" for said in config.server.allow_pictures)

    def __contains__(self, origin: object) -> bool:
        """Tell whether it is named at all, for any source or for pictures."""
        return origin in self._pictures or any(origin in named for named in self._of.values())

    def of(self, source: str) -> frozenset[Origin]:
        """Return the hosts and ports that this source may reach although they lie inward."""
        return self._of.get(source, frozenset())

    def is_own_picture(self, source: str, url: str) -> bool:
        """Tell whether this address in a post of this source may lie inward."""
        try:
            origin = origin_of(url)
        except ValueError:
            return False
        return origin in self._pictures or origin in self.of(source)


def _origins(urls: Iterable[str]) -> frozenset[Origin]:
    found = set()
    for url in urls:
        try:
            found.add(origin_of(url))
        except ValueError:
            continue
    return frozenset(found)
