"""The one way in which a request is refused: a status and one sentence."""

from starlette.exceptions import HTTPException


class Refused(HTTPException):
    """A request that is not granted: why, in one sentence that says what to do.

    It is an ``HTTPException`` because FastAPI lets nothing else out while it reads a body.

    >>> Refused(404, "there is no such photo; open it again").detail
    'there is no such photo; open it again'
    """

    def __init__(self, status: int, sentence: str, *, field: str | None = None, close: bool = False) -> None:
        super().__init__(status, sentence, {"Connection": "close"} if close else None)
        self.field = field  #: of the request that is wrong

    @staticmethod
    def of(error: ValueError | TypeError, *, status: int = 422) -> "Refused":
        """What our checks say begins with the name of what is wrong.

        >>> Refused.of(ValueError("width: expected a number, got 'x'; give one")).field
        'width'
        """
        sentence = " ".join(str(error).split())
        name = sentence.partition(":")[0]
        field = name if name.replace("_", "").replace("[", "").replace("]", "").isalnum() else None
        return Refused(status, sentence, field=field)
