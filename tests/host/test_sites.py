"""Sites are found by layer and module, in one order, with their true widths."""

import pytest

from evolora.errors import HostError
from evolora.host.load import Host
from evolora.host.sites import find_sites, linear_modules

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def test_every_linear_module_of_a_layer_can_carry_an_adapter(tiny_host: Host) -> None:
    assert linear_modules(tiny_host.model) == ALL


def test_sites_name_real_modules_with_their_widths(tiny_host: Host) -> None:
    sites = find_sites(tiny_host.model, ALL)
    assert len(sites) == len(ALL) * tiny_host.model.config.num_hidden_layers
    for site in sites:
        weight = tiny_host.model.get_submodule(site.name).weight
        assert (site.out_features, site.in_features) == tuple(weight.shape)


def test_the_order_is_the_models_whatever_the_order_asked_for(tiny_host: Host) -> None:
    sites = find_sites(tiny_host.model, ["down_proj", "q_proj"])
    assert sites == find_sites(tiny_host.model, ["q_proj", "down_proj"])
    assert [site.name for site in sites[:3]] == [
        "model.layers.0.self_attn.q_proj",
        "model.layers.0.mlp.down_proj",
        "model.layers.1.self_attn.q_proj",
    ]


def test_the_upper_parts_are_the_last_layers_rounded_up(tiny_host: Host) -> None:
    count = tiny_host.model.config.num_hidden_layers
    for part, share in (("upper_half", 2), ("upper_third", 3)):
        layers = [int(site.name.split(".")[2]) for site in find_sites(tiny_host.model, ["q_proj"], part)]
        assert layers == list(range(count))[-((count + share - 1) // share) :]
    assert [site.name.split(".")[2] for site in find_sites(tiny_host.model, ["q_proj"], [1, 0, 1])] == [
        "0",
        "1",
    ]


def test_an_unknown_module_lists_those_that_are_there(tiny_host: Host) -> None:
    with pytest.raises(HostError, match=r"expected some of q_proj, .*down_proj, got c_attn"):
        find_sites(tiny_host.model, ["q_proj", "c_attn"])


@pytest.mark.parametrize("layers", [[99], [-1], []])
def test_layers_that_are_not_there_are_refused(tiny_host: Host, layers: list[int]) -> None:
    with pytest.raises(HostError, match=r"genome\.layers: expected numbers from 0 to"):
        find_sites(tiny_host.model, ["q_proj"], layers)


def test_the_head_is_never_a_site(tiny_host: Host) -> None:
    with pytest.raises(HostError, match="lm_head"):
        find_sites(tiny_host.model, ["lm_head"])
