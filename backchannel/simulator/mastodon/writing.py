"""Writing through the API of a Mastodon server: post, edit, delete, revoke a quote, upload."""

from collections.abc import Callable, Iterable
from itertools import count

from aiohttp import web
from msgspec.structs import replace

from backchannel.simulator.mastodon.answers import Answers
from backchannel.simulator.mastodon.copies import Copy, SimulatedServer
from backchannel.simulator.mastodon.wire import Json, Renderer
from backchannel.simulator.pictures import Gallery
from backchannel.simulator.script import ScriptedPost, Sketch, Version

_RELATIONS = (
    "following", "showing_reblogs", "notifying", "followed_by", "blocking", "blocked_by", "muting",
    "muting_notifications", "requested", "requested_by", "domain_blocking", "endorsed",
)  # fmt: skip


class Writing:
    """The requests that change something; all need a token."""

    def __init__(
        self, server: SimulatedServer, answers: Answers, moment: Callable[[], float], gallery: Gallery
    ) -> None:
        self.server = server
        self._answers = answers
        self._moment = moment
        self._gallery = gallery
        self._numbers = count(1)
        self._uploads: dict[str, Sketch] = {}

    def routes(self) -> Iterable[web.RouteDef]:
        """Everything that can be changed here."""
        yield web.post("/api/v1/statuses", self._post)
        yield web.put("/api/v1/statuses/{id}", self._put)
        yield web.delete("/api/v1/statuses/{id}", self._delete)
        yield web.put("/api/v1/statuses/{id}/interaction_policy", self._put_policy)
        yield web.post("/api/v1/statuses/{quoted}/quotes/{id}/revoke", self._revoke)
        yield web.post("/api/v2/media", self._upload)
        yield web.post("/api/v1/accounts/{id}/unfollow", self._unfollow)

    async def _post(self, request: web.Request) -> web.Response:
        who, form = self._answers.viewer(request), await request.post()
        if not who:
            return self._answers.refuse(request, 401)
        words, media = str(form.get("status", "")), [str(name) for name in form.getall("media_ids[]", [])]
        pictures = tuple(self._uploads[name] for name in media if name in self._uploads)
        if not words.strip() and not pictures:
            return self._answers.refuse(request, 422)
        now = self._moment()
        answered = self.server.find(str(form.get("in_reply_to_id", "")), now)
        quoted = self.server.find(str(form.get("quoted_status_id", "")), now)
        if answered:
            words = words.removeprefix(f"@{self._handle(answered)} ")
        said = ScriptedPost(
            key=f"posted-{self.server.number}-{next(self._numbers)}", kind="mastodon", who=who,
            versions=(Version(now, words, str(form.get("spoiler_text", ""))),), place=str(self.server.number),
            answers=answered.said.key if answered else "", quotes=quoted.said.key if quoted else "",
            lang=str(form.get("language", "en")), pictures=pictures,
            visibility=str(form.get("visibility", "public")),
        )  # fmt: skip
        self.server.world.add(said)
        return self._show(request, said)

    async def _put(self, request: web.Request) -> web.Response:
        form = await request.post()
        copy = self._own(request)
        if isinstance(copy, web.Response):
            return copy
        self.server.world.edit(copy.said.key, str(form.get("status", "")), self._moment())
        return self._show(request, copy.said)

    async def _delete(self, request: web.Request) -> web.Response:
        copy = self._own(request)
        if isinstance(copy, web.Response):
            return copy
        renderer = Renderer(self.server, self._moment(), self._answers.viewer(request))
        gone = renderer.status(copy, as_source=True)
        self.server.world.delete(copy.said.key, self._moment())
        return self._answers.json(request, gone)

    async def _put_policy(self, request: web.Request) -> web.Response:
        """Answer with the status: who may quote it is not kept here."""
        copy = self._own(request)
        return copy if isinstance(copy, web.Response) else self._show(request, copy.said)

    async def _revoke(self, request: web.Request) -> web.Response:
        if not self._answers.viewer(request):
            return self._answers.refuse(request, 401)
        quoting = self.server.find(request.match_info["id"], self._moment())
        if quoting is None or not quoting.said.quotes:
            return self._answers.refuse(request, 404)
        said = replace(quoting.said, is_quote_revoked=True)
        self.server.world.add(said)
        return self._show(request, said)

    async def _upload(self, request: web.Request) -> web.Response:
        """Answer an upload. The file is not kept: a slide with its description stands for it."""
        who, form = self._answers.viewer(request), await request.post()
        if not who:
            return self._answers.refuse(request, 401)
        alt = str(form.get("description", ""))
        picture = Sketch("slide", alt[:20] or "A picture", alt)
        self._gallery.offer([picture])
        now = self._moment()
        said = ScriptedPost(
            f"upload-{next(self._numbers)}", "mastodon", who, (Version(now, ""),), str(self.server.number)
        )
        attachment = Renderer(self.server, now, who).attachment(Copy(0, said, now, 0.0), picture)
        self._uploads[str(attachment["id"])] = picture
        return self._answers.json(request, attachment)

    async def _unfollow(self, request: web.Request) -> web.Response:
        if not self._answers.viewer(request):
            return self._answers.refuse(request, 401)
        nothing: Json = dict.fromkeys(_RELATIONS, False)
        blank: Json = {
            "id": request.match_info["id"],
            "languages": None,
            "muting_expires_at": None,
            "note": "",
        }
        return self._answers.json(request, nothing | blank)

    def _own(self, request: web.Request) -> Copy | web.Response:
        """Return the asker's own post of that id, or the refusal."""
        who = self._answers.viewer(request)
        if not who:
            return self._answers.refuse(request, 401)
        copy = self.server.find(request.match_info["id"], self._moment())
        return copy if copy and copy.said.who == who else self._answers.refuse(request, 404)

    def _show(self, request: web.Request, said: ScriptedPost) -> web.Response:
        now = self._moment()
        copy = self.server.copy_of(said.key, now)
        if copy is None:
            return self._answers.refuse(request, 404)
        return self._answers.json(
            request, Renderer(self.server, now, self._answers.viewer(request)).status(copy)
        )

    def _handle(self, copy: Copy) -> str:
        return str(Renderer(self.server, 0.0).account(copy.said.who)["acct"])
