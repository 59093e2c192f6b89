"""The kind of an attachment: a picture, a film or a sound, by its declared type or by its address. Pure."""

from urllib.parse import urlsplit

from backchannel.model import MediaKind

_FAMILIES: dict[str, MediaKind] = {"image": "image", "video": "video", "audio": "audio"}
_TYPES: dict[str, MediaKind | None] = {
    "image/svg+xml": None,  # a document that may hold scripts: nobody decodes it
    "application/x-shockwave-flash": "video",  # still the type of a YouTube feed's films
    "application/x-mpegurl": "video",
    "application/vnd.apple.mpegurl": "video",
    "audio/mpegurl": "video",  # playlists are of films, whatever family they are put in
    "audio/x-mpegurl": "video",
}
_ENDINGS: dict[str, MediaKind] = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp", "avif"), "image"),
    **dict.fromkeys(("mp4", "m4v", "webm", "mov", "ogv", "m3u8"), "video"),
    **dict.fromkeys(("mp3", "m4a", "ogg", "oga", "opus", "wav", "flac", "aac"), "audio"),
}


def kind_of_type(media_type: str) -> MediaKind | None:
    """Return what a media type stands for, with or without parameters; also for its first word alone."""
    said = media_type.partition(";")[0].strip().lower()
    return _TYPES[said] if said in _TYPES else _FAMILIES.get(said.partition("/")[0].strip())


def kind_of_address(url: str) -> MediaKind | None:
    """Return what an address promises by its ending; None where it promises nothing that is drawn."""
    try:
        name = urlsplit(url).path.rpartition("/")[2]
    except ValueError:  # urllib's word for brackets that are no IPv6 address
        return None
    return _ENDINGS.get(name.rpartition(".")[2].casefold()) if "." in name else None
