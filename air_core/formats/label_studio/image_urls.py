"""How Label Studio names images: addresses of its own server, of a bucket, or of local files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlsplit

from air_core.errors import SourceError

_LOCAL_FILES = "/data/local-files/"
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-")


def local_files_url(path: str) -> str:
    """The address at which Label Studio serves a file of its local storage.

    Examples
    --------
    >>> local_files_url("images/a b.png")
    '/data/local-files/?d=images/a%20b.png'
    """
    return f"{_LOCAL_FILES}?d={quote(path)}"


def image_places(address: str) -> list[str]:
    """The paths at which the image may lie on this machine, the likeliest first.

    Of an address with folders that are not here, the end counts: Label Studio's storages begin
    at a folder or bucket of their own. An uploaded file may have lost the digits in front.

    Raises
    ------
    SourceError
        If it is no address of a file.

    Examples
    --------
    >>> image_places("s3://bucket/cats/1.png")
    ['cats/1.png', '1.png']
    >>> image_places("/data/upload/7/0123abcd-1.png")[-1]
    '1.png'
    >>> image_places("cats/1.png")
    ['cats/1.png']
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return [address]
    if parts.scheme == "data":
        raise SourceError(
            "The image stands in the file itself.", hint="Save it as a file and name that."
        )
    if parts.path.endswith(_LOCAL_FILES):
        path = parse_qs(parts.query).get("d", [""])[0]
    elif parts.netloc:
        path = unquote(parts.path).lstrip("/")
    elif parts.path.startswith("/data/upload/") or parts.scheme == "file":
        path = unquote(parts.path)
    else:
        return [address]
    if not path:
        raise SourceError(f"It is no address of a file: {address}.")
    inner = [part for part in PurePosixPath(path).parts if part != "/"]
    places = [path, *("/".join(inner[n:]) for n in range(len(inner)))]
    if inner and (found := _UPLOAD_PREFIX.match(inner[-1])) is not None:
        places.append(inner[-1][found.end() :])
    return list(dict.fromkeys(places))
