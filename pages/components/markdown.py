"""Text from files in places where Streamlit expects Markdown."""

from __future__ import annotations

import re

# What Streamlit makes a link of even where nothing asks for one. The word joiner has no width.
_BEFORE_LINKS = re.compile(r"@|https?:(?=//)|www(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"


def literal(text: str) -> str:
    """Text that Markdown shows as it is; names of files, folders and classes may hold anything.

    Examples
    --------
    >>> literal("a*b :red[c]")
    'a&#42;b &#58;red&#91;c&#93;'
    >>> literal("www.example.org")  # no link
    'www&#8288;&#46;example&#46;org'
    """
    text = _BEFORE_LINKS.sub(rf"\g<0>{_JOINER}", text)
    return "".join(char if char.isalnum() or char == " " else f"&#{ord(char)};" for char in text)
