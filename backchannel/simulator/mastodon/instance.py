"""A Mastodon 4.6 server's description of itself."""

from backchannel.simulator.mastodon.copies import SimulatedServer

Json = dict[str, object]

VERSION = "4.6.4"
RULES = ("Be kind to the person, hard on the idea.", "Nobody cancels Gerald.")
_IMAGES = ("jpeg", "png", "gif", "heic", "heif", "webp", "avif")
_MIME = [
    *(f"image/{kind}" for kind in _IMAGES),
    "video/webm", "video/mp4", "video/quicktime", "audio/ogg", "audio/mpeg",
]  # fmt: skip
_VAPID = "B" + "AhxXyHfAoMqrZECjRI56F5QrE4ynVlk" * 2 + "ZFMdKSpTIsWRNoWUVgut0="
_ICONS = (36, 48, 72, 96, 144, 192, 256, 384, 512)
_STATUSES: Json = {"max_characters": 500, "max_media_attachments": 4, "characters_reserved_per_url": 23}
_MEDIA: Json = {
    "description_limit": 10000, "image_matrix_limit": 33177600, "image_size_limit": 16777216,
    "supported_mime_types": _MIME, "video_frame_rate_limit": 120, "video_matrix_limit": 8294400,
    "video_size_limit": 103809024,
}  # fmt: skip
_POLLS: Json = {
    "max_options": 4, "max_characters_per_option": 50, "min_expiration": 300, "max_expiration": 2629746,
}  # fmt: skip
_ACCOUNTS: Json = {
    "max_display_name_length": 40, "max_note_length": 500, "max_avatar_description_length": 150,
    "max_header_description_length": 150, "max_featured_tags": 10, "max_pinned_statuses": 5,
    "max_profile_fields": 4, "profile_field_name_limit": 255, "profile_field_value_limit": 255,
}  # fmt: skip


def instance_v2(server: SimulatedServer) -> Json:
    """GET /api/v2/instance."""
    base = server.base
    everybody: Json = {"local": "public", "remote": "public"}
    feeds = ("live_feeds", "hashtag_feeds", "trending_link_feeds")
    return {
        "domain": server.domain,
        "title": server.domain,
        "version": VERSION,
        "source_url": "https://github.com/mastodon/mastodon",
        "description": "",
        "usage": {"users": {"active_month": 212}},
        "thumbnail": {"url": f"{base}/packs/images/preview.png", "description": "A mill by a river"},
        "icon": [
            {"src": f"{base}/packs/icons/android-chrome-{size}x{size}.png", "size": f"{size}x{size}"}
            for size in _ICONS
        ],
        "languages": ["en"],
        "configuration": {
            "urls": {
                "streaming": base.replace("http", "ws", 1), "status": None, "about": f"{base}/about",
                "privacy_policy": f"{base}/privacy-policy", "terms_of_service": None,
            },
            "vapid": {"public_key": _VAPID},
            "accounts": _ACCOUNTS,
            "statuses": _STATUSES,
            "media_attachments": _MEDIA,
            "polls": _POLLS,
            "translation": {"enabled": False},
            "timelines_access": dict.fromkeys(feeds, everybody),
            "limited_federation": False,
        },
        "registrations": {
            "enabled": True, "approval_required": False, "reason_required": False, "message": None,
            "min_age": None, "url": None,
        },
        "api_versions": {"mastodon": 11},
        "wrapstodon": None,
        "contact": {"email": "", "account": None},
        "rules": rules(),
    }  # fmt: skip


def instance_v1(server: SimulatedServer) -> Json:
    """GET /api/v1/instance, deprecated and everywhere."""
    return {
        "uri": server.domain,
        "title": server.domain,
        "short_description": "",
        "description": "",
        "email": "",
        "version": VERSION,
        "urls": {"streaming_api": server.base.replace("http", "ws", 1)},
        "stats": {"user_count": 212, "status_count": 6021, "domain_count": 2},
        "thumbnail": f"{server.base}/packs/images/preview.png",
        "languages": ["en"],
        "registrations": True,
        "approval_required": False,
        "invites_enabled": True,
        "configuration": {
            "accounts": {"max_featured_tags": 10},
            "statuses": _STATUSES,
            "media_attachments": {key: value for key, value in _MEDIA.items() if key != "description_limit"},
            "polls": _POLLS,
        },
        "contact_account": None,
        "rules": rules(),
    }


def rules() -> list[Json]:
    """GET /api/v1/instance/rules."""
    return [
        {"id": str(number), "text": text, "hint": "", "translations": {}}
        for number, text in enumerate(RULES, 1)
    ]


def nodeinfo(server: SimulatedServer, posts: int) -> Json:
    """GET /nodeinfo/2.0."""
    users: Json = {"total": 212, "activeMonth": 212, "activeHalfyear": 212}
    return {
        "version": "2.0",
        "software": {"name": "mastodon", "version": VERSION},
        "protocols": ["activitypub"],
        "services": {"outbound": [], "inbound": []},
        "usage": {"users": users, "localPosts": posts},
        "openRegistrations": True,
        "metadata": {"nodeName": server.domain, "nodeDescription": ""},
    }
