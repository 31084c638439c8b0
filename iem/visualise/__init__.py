"""Looking at results: overlays, cut-outs, error maps, contact sheets, curves, films of a moving mask, regions."""

from iem.visualise.charts import curves
from iem.visualise.contact_sheets import contact_sheet
from iem.visualise.films import film
from iem.visualise.heat_maps import error_map, error_maps
from iem.visualise.labels import legible
from iem.visualise.overlays import cutout, on_checkerboard, overlay
from iem.visualise.palette import region_colours
from iem.visualise.region_film import region_film_frames
from iem.visualise.region_overview import region_overview
from iem.visualise.regions import region_overlay

__all__ = [
    "contact_sheet",
    "curves",
    "cutout",
    "error_map",
    "error_maps",
    "film",
    "legible",
    "on_checkerboard",
    "overlay",
    "region_colours",
    "region_film_frames",
    "region_overlay",
    "region_overview",
]
