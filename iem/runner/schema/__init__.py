"""What may be set: types, ranges, and one sentence for whatever is not allowed."""

from iem.runner.schema.problems import SettingError

__all__ = ["SettingError"]
