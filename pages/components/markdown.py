"""Text from files in places where Streamlit expects Markdown."""

from __future__ import annotations


def literal(text: str) -> str:
    """Text that Markdown shows as it is; names of files, folders and classes may hold anything.

    Examples
    --------
    >>> literal("a*b :red[c]")
    'a&#42;b &#58;red&#91;c&#93;'
    """
    return "".join(char if char.isalnum() or char == " " else f"&#{ord(char)};" for char in text)
