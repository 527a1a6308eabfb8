"""The points' addresses name content, and nothing else gets through."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from starlette.requests import Request
from starlette.responses import Response

from pages.components.map import _bits, _raw_ids
from pages.components.map.points import BufferShelf, publish, publish_once, serve


def get(url: str) -> Response:
    scope = {"type": "http", "method": "GET", "headers": []}
    return asyncio.run(serve(Request(scope | {"path_params": {"token": url.rpartition("/")[2]}})))


def test_a_published_array_comes_back_byte_for_byte():
    array = np.linspace(-1, 1, 20, dtype=np.float32).reshape(10, 2)
    answer = get(publish(array))
    assert answer.status_code == 200
    np.testing.assert_array_equal(np.frombuffer(answer.body, "<f4").reshape(10, 2), array)
    assert "immutable" in answer.headers["cache-control"]


def test_the_same_content_has_one_address_and_another_content_another():
    one, same, other = (publish(np.full(3, value, np.float32)) for value in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("token", ["0" * 32, "..", "passwd", ""])
def test_unknown_tokens_are_not_found(token):
    assert get(f"/air/points/{token}").status_code == 404


def test_the_shelf_drops_the_oldest_and_never_the_newest():
    shelf = BufferShelf(limit_bytes=10)
    tokens = [shelf.put(bytes([i]) * 5) for i in range(3)]
    assert [shelf.get(token) is None for token in tokens] == [True, False, False]
    large = shelf.put(b"x" * 50)
    assert shelf.get(large) == b"x" * 50


def test_addresses_cannot_be_guessed_from_the_content():
    assert BufferShelf().put(b"same") != BufferShelf().put(b"same")


def test_item_ids_travel_as_eight_bytes_each():
    ids = np.array([f"{i:015x}f" for i in range(4)])
    assert get(publish_once(ids, _raw_ids)).body.hex() == "".join(ids)


def test_tags_travel_as_bits():
    tags = np.array([[1, 0, 0, 0, 0, 0, 0, 0, 1], [-1] * 9], dtype=np.int8)
    assert get(publish_once(tags, _bits)).body == bytes([0b10000000, 0b10000000, 0, 0])


def test_a_read_only_array_is_converted_once_and_a_writable_one_every_time():
    calls = []

    def convert(array):
        calls.append(1)
        return array * 2

    fixed, free = np.arange(3.0), np.arange(3.0)
    fixed.setflags(write=False)
    assert publish_once(fixed, convert) == publish_once(fixed, convert)
    assert len(calls) == 1
    one = publish_once(free, convert)
    free[0] = 9
    assert publish_once(free, convert) != one
    assert len(calls) == 3
