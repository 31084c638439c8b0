"""Features side by side."""

import pytest
import torch
from references.pictures import noise

from iem.features import RGB, Lab, Stack


def test_all_parts_in_their_order():
    image = noise(1, 2, 3, 5, 6)
    torch.testing.assert_close(Stack((Lab(), RGB()))(image), torch.cat([Lab()(image), image], dim=1))


def test_nothing_to_stack_is_refused():
    with pytest.raises(ValueError, match=r"^parts: expected at least one kind of features, got none$"):
        Stack(())
