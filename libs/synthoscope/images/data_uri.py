"""Pictures within a page that fetches nothing."""

import base64


def data_uri(data: bytes) -> str:
    """A PNG or JPEG file as a `data:` URI (RFC 2397)."""
    media_type = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
