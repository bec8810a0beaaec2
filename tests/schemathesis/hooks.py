"""Teaches schemathesis what it does not know of this server: bodies of bytes."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream", "image/jpeg", "image/png", "image/webp")
def of_bytes(ctx, value):
    """Bytes go as they are."""
    if isinstance(value, bytes):
        return value
    return value.encode(errors="replace") if isinstance(value, str) else ctx.case.body


for kind in ("application/octet-stream", "audio/mp4", "audio/webm", "video/mp4", "video/webm",
             "image/avif", "image/jpeg", "image/png", "image/webp"):

    @schemathesis.deserializer(kind)
    def bytes_as_text(ctx, response):
        """What a schema of bytes says of them: that they are there."""
        return response.content.decode("latin-1")
