"""HTTP headers of the answers of our own routes."""

from __future__ import annotations

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'",
}
CACHED = "private, max-age=31536000, immutable"
"""For an address that carries the version of what it names."""

NOT_CACHED = "private, no-store"
