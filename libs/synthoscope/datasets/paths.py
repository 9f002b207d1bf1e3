"""What a path within a dataset may look like: one rule for what is read here and for what comes in from elsewhere."""

LONGEST_PATH = 512

PATH_RULE = (
    f"must be a relative path of at most {LONGEST_PATH} printable characters, with forward slashes and without '.' or "
    "'..'"
)


def is_safe(path: str) -> bool:
    """Whether a path is relative, printable, stays in its folder and means the same on every system."""
    segments = path.split("/")
    return (
        len(path) <= LONGEST_PATH
        and path.isprintable()
        and "\\" not in path
        and ":" not in segments[0]
        and all(segment.strip() not in {"", ".", ".."} for segment in segments)
    )
