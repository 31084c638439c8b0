"""The templates of the pages that runs, sweeps and tables write."""

import functools
from importlib import resources

import jinja2


@functools.cache
def template(name: str) -> jinja2.Template:
    """The template of that name below ``iem/runner``, compiled once: that takes longer than filling it in.

    Whatever is filled in is escaped, and a name that is not given is an error. All pages begin with ``page_head.html``,
    which holds the style that they share.

    >>> template("report.html").name
    'report.html'
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda each: resources.files("iem.runner").joinpath(each).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
