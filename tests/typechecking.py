"""The checker of annotations: beartype, where an int will do for a float, as for every other type checker."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
