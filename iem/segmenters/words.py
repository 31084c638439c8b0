"""Words as the only prompt."""

from collections.abc import Sequence

from iem.interfaces import Prompt
from iem.prompts import Text
from iem.segmenters.marks import check_kinds


def one_text(prompts: Sequence[Prompt], owner: str) -> str:
    """The words of the only prompt.

    Raises:
        ValueError: a prompt of another kind, none, or several.

    >>> one_text([Text("a dog")], "SegCLIP")
    'a dog'
    """
    check_kinds(prompts, (Text,), owner)
    texts = [prompt.text for prompt in prompts if isinstance(prompt, Text)]
    if len(texts) != 1:
        raise ValueError(
            f"prompts: expected one text that says what the object is, got {len(texts) or 'none'}; "
            f"{'join them to one' if texts else 'give Text(...)'}"
        )
    return texts[0]
