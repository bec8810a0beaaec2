from django.db import models


class LiveChatMessage(models.Model):
    """A line of a live's conversation, as the app's other code knows it. The live server keeps them: there is no table."""

    post_id = models.BigIntegerField()
    author_id = models.BigIntegerField()
    content = models.TextField(max_length=2000)
    timestamp = models.DateTimeField()

    class Meta:
        managed = False

    @classmethod
    def of(cls, post_id, message):
        """The message that the live server answers with."""
        return cls(
            id=message["id"],
            post_id=post_id,
            author_id=message["author"]["id"],
            content=message["content"],
            timestamp=message["timestamp"],
        )
