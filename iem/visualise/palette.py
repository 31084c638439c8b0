"""Colours that people with any kind of colour vision can tell apart.

Reference: Okabe and Ito, "Color universal design", 2008 (https://jfly.uni-koeln.de/color/).
"""

RGB = tuple[float, float, float]

ORANGE: RGB = (0.902, 0.624, 0.000)
SKY_BLUE: RGB = (0.337, 0.706, 0.914)
BLUISH_GREEN: RGB = (0.000, 0.620, 0.451)
YELLOW: RGB = (0.941, 0.894, 0.259)
BLUE: RGB = (0.000, 0.447, 0.698)
VERMILLION: RGB = (0.835, 0.369, 0.000)
REDDISH_PURPLE: RGB = (0.800, 0.475, 0.655)

#: For lines on white: yellow is left out, it does not show there.
LINES: tuple[RGB, ...] = (BLUE, VERMILLION, BLUISH_GREEN, REDDISH_PURPLE, SKY_BLUE, ORANGE)
