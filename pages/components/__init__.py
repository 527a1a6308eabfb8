"""Browser components; each folder holds a thin Python wrapper and its assets."""
