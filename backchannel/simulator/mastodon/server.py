"""A Mastodon server's REST API over HTTP: routes, paging, headers and errors as the real one has them."""

import html
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import islice

from aiohttp import web
from yarl import URL

from backchannel.simulator.markup import find_tags
from backchannel.simulator.mastodon import instance
from backchannel.simulator.mastodon.answers import Answers
from backchannel.simulator.mastodon.copies import Copy, SimulatedServer, account_id
from backchannel.simulator.mastodon.wire import Json, Renderer, plain_note
from backchannel.simulator.people import CAST

Ask = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """The API of one server. `moment` tells the seconds of the conference."""

    def __init__(self, server: SimulatedServer, answers: Answers, moment: Callable[[], float]) -> None:
        self.server = server
        self._answers = answers
        self._moment = moment

    def routes(self) -> Iterable[web.RouteDef]:
        """Everything that this server answers, except pictures."""
        known: dict[str, Ask] = {
            "/api/v1/timelines/tag/{tag}": self._get_tag,
            "/api/v1/timelines/public": self._get_public,
            "/api/v1/statuses": self._get_many,
            "/api/v1/statuses/{id}": self._get_status,
            "/api/v1/statuses/{id}/history": self._get_history,
            "/api/v1/statuses/{id}/context": self._get_context,
            "/api/v1/statuses/{id}/source": self._get_source,
            "/api/v1/accounts/verify_credentials": self._get_me,
            "/api/v1/accounts/{id}/statuses": self._get_account_statuses,
            "/api/v{version:[12]}/instance{slash:/?}": self._get_instance,
            "/api/v1/instance/rules": self._get_rules,
            "/api/v1/custom_emojis": self._get_emojis,
            "/api/v1/trends/statuses": self._get_trends,
            "/api/v1/streaming/health": self._answers.streaming_health,
            "/.well-known/nodeinfo": self._get_nodeinfo_links,
            "/nodeinfo/2.0": self._get_nodeinfo,
            "/@{name}/{id}": self._get_page,
        }
        yield from (web.get(path, handler) for path, handler in known.items())
        yield web.route("*", "/api/{rest:.*}", self._get_nothing)

    async def _get_tag(self, request: web.Request) -> web.Response:
        names = {request.match_info["tag"].lower(), *_tags(request, "any")}
        every, none = _tags(request, "all"), _tags(request, "none")

        def is_wanted(copy: Copy) -> bool:
            tags = set(find_tags(copy.version(self._moment()).text))
            return _is_public(copy) and bool(names & tags) and every <= tags and not none & tags

        return self._timeline(request, is_wanted)

    async def _get_public(self, request: web.Request) -> web.Response:
        return self._timeline(request, _is_public)

    async def _get_account_statuses(self, request: web.Request) -> web.Response:
        owner = request.match_info["id"]
        number = self.server.number
        return self._timeline(request, lambda copy: str(account_id(copy.said.who, number)) == owner)

    def _timeline(self, request: web.Request, is_wanted: Callable[[Copy], bool]) -> web.Response:
        now = self._moment()
        wanted = [copy for copy in self.server.here(now) if is_wanted(copy) and self._passes(request, copy)]
        page = _page(wanted, request.query)
        render = Renderer(self.server, now, self._answers.viewer(request))
        links = self._links(request, page) if page else {}
        return self._answers.json(
            request, [render.status(copy) for copy in page], max_age_s=15, headers=links
        )

    def _passes(self, request: web.Request, copy: Copy) -> bool:
        """`local`, `remote` and `only_media`."""
        is_local = copy.said.place == str(self.server.number)
        if _is_true(request, "local") and not is_local:
            return False
        if _is_true(request, "remote") and is_local:
            return False
        return bool(copy.said.pictures) or not _is_true(request, "only_media")

    def _links(self, request: web.Request, page: list[Copy]) -> dict[str, str]:
        kept = [
            (key, value)
            for key, value in request.query.items()
            if key not in ("max_id", "since_id", "min_id")
        ]
        here = URL(self.server.base + request.path)
        older = here.with_query([*kept, ("max_id", str(page[-1].id))])
        newer = here.with_query([*kept, ("min_id", str(page[0].id))])
        return {"Link": f'<{older}>; rel="next", <{newer}>; rel="prev"'}

    async def _get_many(self, request: web.Request) -> web.Response:
        now = self._moment()
        asked = dict.fromkeys([*request.query.getall("id[]", []), *request.query.getall("id", [])])
        found = (self.server.find(status_id, now) for status_id in islice(asked, 40))
        render = Renderer(self.server, now, self._answers.viewer(request))
        return self._answers.json(request, [render.status(copy) for copy in found if copy])

    async def _get_status(self, request: web.Request) -> web.Response:
        return self._one(request, lambda render, copy: render.status(copy))

    async def _get_history(self, request: web.Request) -> web.Response:
        return self._one(request, lambda render, copy: render.edits(copy))

    async def _get_context(self, request: web.Request) -> web.Response:
        return self._one(request, lambda render, copy: self._context(render, copy))

    async def _get_source(self, request: web.Request) -> web.Response:
        if not self._answers.viewer(request):
            return self._answers.refuse(request, 401)

        def source(render: Renderer, copy: Copy) -> Json:
            version = copy.version(render.at_s)
            return {"id": str(copy.id), "text": version.text, "spoiler_text": version.warning}

        return self._one(request, source)

    def _one(self, request: web.Request, render: Callable[[Renderer, Copy], object]) -> web.Response:
        now = self._moment()
        copy = self.server.find(request.match_info["id"], now)
        if copy is None:
            return self._answers.refuse(request, 404)
        renderer = Renderer(self.server, now, self._answers.viewer(request))
        return self._answers.json(request, render(renderer, copy), max_age_s=15)

    def _context(self, render: Renderer, copy: Copy) -> Json:
        above: list[Copy] = []
        at: Copy | None = copy
        while at is not None and at.said.answers:
            at = self.server.copy_of(at.said.answers, render.at_s)
            above += [at] if at else []
        below, todo = list[Copy](), self.server.answers(copy, render.at_s)
        while todo:
            below.append(todo.pop(0))
            todo = self.server.answers(below[-1], render.at_s) + todo
        return {
            "ancestors": [render.status(other) for other in reversed(above)],
            "descendants": [render.status(other) for other in below],
        }

    async def _get_me(self, request: web.Request) -> web.Response:
        me = self._answers.viewer(request)
        if not me:
            return self._answers.refuse(request, 401)
        account = Renderer(self.server, self._moment(), me).account(me)
        note = plain_note(CAST[me])
        source: Json = {
            "privacy": "public", "sensitive": False, "language": "en", "note": note,
            "fields": [], "follow_requests_count": 0, "hide_collections": None, "discoverable": True,
            "indexable": True, "attribution_domains": [], "quote_policy": "public",
        }  # fmt: skip
        role: Json = {
            "id": "-99", "name": "", "permissions": "65536", "color": "", "highlighted": False,
            "collection_limit": 10,
        }  # fmt: skip
        return self._answers.json(request, account | {"source": source, "role": role})

    async def _get_instance(self, request: web.Request) -> web.Response:
        if request.match_info["version"] == "1":
            old = {"Deprecation": "@1668384000"}
            return self._answers.json(request, instance.instance_v1(self.server), max_age_s=300, headers=old)
        return self._answers.json(request, instance.instance_v2(self.server), max_age_s=300)

    async def _get_rules(self, request: web.Request) -> web.Response:
        return self._answers.json(request, instance.rules(), max_age_s=300)

    async def _get_emojis(self, request: web.Request) -> web.Response:
        render = Renderer(self.server, self._moment())
        emojis = [render.emoji(name) for name in ("applause", "openideas")]
        return self._answers.json(request, emojis, max_age_s=300)

    async def _get_trends(self, request: web.Request) -> web.Response:
        return self._answers.json(request, [])

    async def _get_nodeinfo_links(self, request: web.Request) -> web.Response:
        rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
        links: Json = {"links": [{"rel": rel, "href": f"{self.server.base}/nodeinfo/2.0"}]}
        return self._answers.json(request, links, max_age_s=259200)

    async def _get_nodeinfo(self, request: web.Request) -> web.Response:
        posts = sum(copy.lag_s == 0 for copy in self.server.here(self._moment()))
        return self._answers.json(request, instance.nodeinfo(self.server, posts), max_age_s=1800)

    async def _get_page(self, request: web.Request) -> web.Response:
        """Return the permalink, for people: a plain page."""
        copy = self.server.find(request.match_info["id"], self._moment())
        if copy is None or CAST[copy.said.who].handle != request.match_info["name"]:
            return web.Response(status=404, text="The page you are looking for isn't here.")
        words = Renderer(self.server, self._moment()).status(copy)["content"]
        name = html.escape(CAST[copy.said.who].name)
        text = f"<!doctype html><meta charset=utf-8><title>{name}</title><h1>{name}</h1>{words}"
        return web.Response(text=text, content_type="text/html")

    async def _get_nothing(self, request: web.Request) -> web.Response:
        """Home timelines and the like are for people who are signed in; the rest is not there."""
        is_private = request.path.startswith(("/api/v1/timelines/home", "/api/v1/notifications"))
        return self._answers.refuse(request, 401 if is_private and not self._answers.viewer(request) else 404)


def _page(wanted: list[Copy], query: Mapping[str, str]) -> list[Copy]:
    """Newest first; `min_id` gives the page just above it, `since_id` the newest above it."""
    limit = min(int(query["limit"]), 40) if query.get("limit", "").isdigit() else 20
    bounds = {
        name: int(query[name]) for name in ("max_id", "since_id", "min_id") if query.get(name, "").isdigit()
    }
    if "max_id" in bounds:
        wanted = [copy for copy in wanted if copy.id < bounds["max_id"]]
    if "min_id" in bounds:
        above = [copy for copy in wanted if copy.id > bounds["min_id"]]
        return above[-limit:]
    return [copy for copy in wanted if copy.id > bounds.get("since_id", -1)][:limit]


def _is_public(copy: Copy) -> bool:
    return copy.said.visibility == "public"


def _tags(request: web.Request, name: str) -> set[str]:
    return {tag.lower() for tag in request.query.getall(f"{name}[]", [])[:4]}


def _is_true(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() in ("1", "true", "t", "on")
