"""How well masks agree with the truth: one number per picture, undefined is NaN, the polarity rule is named."""
