"""Decides which events are news, and keeps out what was erased."""

from backchannel.model import Event, Posted, mark, without_quote
from backchannel.sequencer.erasure import subject_of
from backchannel.state import State


class Admission:
    """Asks the state about each event before it is appended, in the step in which it is appended.

    An erased id is known by its keyed hash alone, so every id in a new event is hashed and compared. A post
    that quotes an erased one comes in without the quotation.
    """

    def __init__(self, state: State, mark_key: bytes) -> None:
        self._state, self._key = state, mark_key

    def admit(self, event: Event) -> Event | None:
        """Return the event without what is erased; None where it is no news."""
        if self._state.marks:
            if self.is_marked(subject_of(event)):
                return None
            if isinstance(event, Posted):
                post = event.post
                if self.is_marked(post.face.author.id):
                    return None
                quote = post.face.quote
                if quote and (self.is_marked(quote.id) or self.is_marked(quote.author.id)):
                    event = Posted(without_quote(post))
        return event if self._state.is_news(event) else None

    def is_marked(self, subject: str) -> bool:
        """Tell whether this id was erased."""
        return mark(self._key, subject) in self._state.marks
