"""Why a peeling ended, in the words of somebody who looks at its regions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

#: What the reasons of ``iem.regions.StopReason`` mean.
WORDS = {
    "nothing_found": "nothing more was found",
    "too_small": "what was found next is smaller than the least area",
    "not_significant": "what was found next does not stand out enough",
    "nothing_new": "what was found next had been found before",
    "round_limit": "the rounds ran out",
    "constant": "the picture is one flat colour",
    "nonfinite": "the picture holds numbers that are not finite",
}
#: Of a region that was accepted, yet is not in the tree.
UNITED = "a region that was united with a neighbour in the end"
#: The same, where the first proposal was refused already.
FIRST = {
    **WORDS,
    "nothing_found": "nothing was found",
    "too_small": "what was found is smaller than the least area",
    "not_significant": "what was found does not stand out enough",
}


def describe_peeling(record: Mapping[str, Any]) -> str:
    """How many regions and why it ended.

    Args:
        record: with ``regions``, the scene among them, ``reason``, and ``rounds``.

    >>> describe_peeling({"regions": [{}, {}, {}], "reason": "not_significant"})
    '2 regions; what was found next does not stand out enough'
    >>> describe_peeling({"regions": [{}], "reason": "constant"})
    'no region; the picture is one flat colour'
    """
    found = len(record["regions"]) - 1
    words = (WORDS if found else FIRST)[record["reason"]]
    return f"{count_regions(found)}; {words}"


def count_regions(number: int) -> str:
    """How many, in words.

    >>> count_regions(0), count_regions(1), count_regions(2)
    ('no region', '1 region', '2 regions')
    """
    return "no region" if number == 0 else f"{number} region{'' if number == 1 else 's'}"


def describe_peelings(records: Iterable[Mapping[str, Any]]) -> str:
    """The same of many pictures: regions in all, and how often each reason ended the search.

    >>> one = {"regions": [{}, {}], "reason": "round_limit"}
    >>> describe_peelings([one])
    '1 region; the rounds ran out'
    >>> describe_peelings([one, one, {"regions": [{}], "reason": "constant"}])
    '2 regions; ended because the rounds ran out (2), the picture is one flat colour (1)'
    """
    listed = list(records)
    if not listed:
        return ""
    if len(listed) == 1:
        return describe_peeling(listed[0])
    found = sum(len(record["regions"]) - 1 for record in listed)
    reasons = Counter(WORDS[record["reason"]] for record in listed)
    ended = ", ".join(f"{words} ({count})" for words, count in reasons.most_common())
    return f"{count_regions(found)}; ended because {ended}"
