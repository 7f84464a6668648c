"""Which layer of the host a site belongs to, read from its module path."""

from evolora.organism.genome import Genome


def layer_of(site: str) -> int | None:
    """The layer number in a module path: its first component that is a number (`model.layers.3.mlp` -> 3)."""
    return next((int(part) for part in site.split(".") if part.isdecimal()), None)


def sites_by_layer(genome: Genome) -> dict[int, list[str]]:
    """Layer number -> its sites, sorted; sites outside any numbered layer under -1."""
    layers: dict[int, list[str]] = {}
    for site in sorted(genome.factors):
        layer = layer_of(site)
        layers.setdefault(-1 if layer is None else layer, []).append(site)
    return layers
