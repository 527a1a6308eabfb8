"""Point buffers for the map, served raw by an address that names their content.

A page publishes an array and gets a URL; the browser keeps what it has fetched, so a rerun that
changed only the decisions moves only the decisions. The address is a keyed digest made with a
secret of this process: it cannot be guessed, it is never a path, and it changes with the content.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/air/points"
_LIMIT_BYTES = 512 * 1024**2
_REMEMBERED = 256


class BufferShelf:
    """The most recently published buffers, up to a total size.

    Parameters
    ----------
    limit_bytes : int
        Oldest buffers go once the total is above this; the newest always stays.
    """

    def __init__(self, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._buffers: OrderedDict[str, bytes] = OrderedDict()
        self._total = 0

    def put(self, content: bytes) -> str:
        """Keep ``content`` and return its token (32 hexadecimal digits)."""
        token = hashlib.blake2b(content, key=self._secret, digest_size=16).hexdigest()
        with self._lock:
            if token not in self._buffers:
                self._buffers[token] = content
                self._total += len(content)
            self._buffers.move_to_end(token)
            while self._total > self._limit and len(self._buffers) > 1:
                self._total -= len(self._buffers.popitem(last=False)[1])
        return token

    def get(self, token: str) -> bytes | None:
        """Return the content behind a token, or None."""
        with self._lock:
            content = self._buffers.get(token)
            if content is not None:
                self._buffers.move_to_end(token)
        return content


_shelf = BufferShelf()
_urls: dict[tuple[int, object], tuple[weakref.ref[NDArray[Any]], str]] = {}


def publish(array: NDArray[np.generic]) -> str:
    """Make an array fetchable and return its URL.

    Parameters
    ----------
    array : ndarray
        Sent as its bytes in C order, little-endian.

    Returns
    -------
    str
        Path on this server; the same content gives the same URL.
    """
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return f"{PATH}/{_shelf.put(np.ascontiguousarray(little).tobytes())}"


def publish_once(source: NDArray[Any], convert: Callable[[NDArray[Any]], NDArray[Any]]) -> str:
    """Publish ``convert(source)``; for a read-only source that is done only once.

    Parameters
    ----------
    source : ndarray
        What is read-only, such as the arrays of a dataset, is taken not to change.
    convert : callable
        The same function for the same use, since it is part of what is remembered.

    Returns
    -------
    str
        As :func:`publish`.
    """
    if source.flags.writeable:
        return publish(convert(source))
    key = (id(source), convert)
    known = _urls.get(key)
    # The id of an array that is gone can come back, and the shelf may have dropped the buffer.
    if known and known[0]() is source and _shelf.get(known[1].rpartition("/")[2]) is not None:
        return known[1]
    url = publish(convert(source))
    if len(_urls) >= _REMEMBERED:
        _urls.clear()
    _urls[key] = (weakref.ref(source), url)
    return url


async def serve(request: Request) -> Response:
    """Answer with a published buffer, or 404."""
    content = _shelf.get(request.path_params["token"])
    if content is None:
        return Response("Unknown points.", status_code=404, media_type="text/plain")
    return Response(
        content,
        media_type="application/octet-stream",
        headers={
            "Cache-Control": "private, max-age=31536000, immutable",
            # Compressing megabytes of floats on every first visit costs more than it saves.
            "Content-Encoding": "identity",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


route = Route(f"{PATH}/{{token}}", serve, methods=["GET"])
