import numpy as np
import pytest
import torch

from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.loop import train
from synthoscope.gan.players import Players
from synthoscope.gan.transfer import adopt
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.training.callbacks import NoCallbacks


def players_of(preset="r3", seed=0, classes=0, **changes):
    config = GanConfig(preset, epochs=1, **({"image_size": 28, "width": 2, "channels": 1} | changes))
    return Players.new(family_of(config, classes).build(seed), config, torch.device("cpu"))


def test_the_same_networks_take_over_everything():
    old, new = players_of(seed=1), players_of(seed=2)
    torch.nn.init.ones_(old.average.to_image.bias)
    taken = adopt(new, old.weights(0), part=3)
    assert taken == {"generator": 1, "discriminator": 1}
    for name, tensor in new.networks.generator.state_dict().items():
        torch.testing.assert_close(tensor, old.average.state_dict()[name], rtol=0, atol=0)
        torch.testing.assert_close(tensor, new.average.state_dict()[name], rtol=0, atol=0)


def test_other_classes_take_over_what_fits():
    old, new = players_of(seed=1), players_of(seed=2, classes=3)
    taken = adopt(new, old.weights(0), part=0)
    assert 0 < taken["generator"] < taken["discriminator"] < 1
    assert torch.equal(new.networks.generator.to_image.weight, old.average.to_image.weight)
    assert not torch.equal(new.networks.generator.dense.weight[:, :64], old.average.dense.weight)


@pytest.mark.parametrize(("smaller", "larger", "share"), [(64, 128, 0.7), (32, 128, 0.4)])
def test_another_size_takes_over_the_layers_next_to_the_image(smaller, larger, share):
    old, new = players_of(seed=1, image_size=smaller), players_of(seed=2, image_size=larger)
    taken = adopt(new, old.weights(0), part=0)
    assert min(taken.values()) > share
    for block in range(1, len(old.average.blocks) + 1):
        theirs, ours = old.average.blocks[-block].enter.weight, new.networks.generator.blocks[-block].enter.weight
        assert torch.equal(theirs, ours), block
    first, also_first = old.networks.discriminator.blocks[0], new.networks.discriminator.blocks[0]
    assert torch.equal(first.enter.weight, also_first.enter.weight)


@pytest.mark.parametrize("preset", ["lsgan", "ddgan"])
def test_a_smaller_size_takes_over_the_layers_next_to_the_image(preset):
    old, new = players_of(preset, seed=1, image_size=64), players_of(preset, seed=2, image_size=32)
    assert min(adopt(new, old.weights(0), part=0).values()) > 0.5
    layers = "decoder" if preset == "ddgan" else "upsampling"
    last, also_last = (next(getattr(each.networks.generator, layers)[-1].parameters()) for each in (old, new))
    kept = next(getattr(old.average, layers)[-1].parameters()) if old.average is not None else last
    assert torch.equal(kept, also_last)


def test_networks_of_another_kind_are_refused():
    old = players_of("lsgan", seed=1, width=3)
    with pytest.raises(FailedPrecondition, match=r"config\.start_from"):
        adopt(players_of(), {name: tensor for name, tensor in old.weights(0).items() if "to_image" not in name}, 0)


class Last(NoCallbacks):
    def on_checkpoint(self, checkpoint):
        self.tensors = {name: tensor.clone() for name, tensor in checkpoint.tensors.items()}


def test_a_run_starts_from_them():
    config = GanConfig(
        "lsgan", 1, Conditioning.UNCONDITIONAL, 4, learning_rate=1e-12, image_size=28, width=2, channels=1, seed=1
    )
    images, labels = np.zeros((4, 28, 28, 3), np.uint8), np.zeros(4, np.int64)
    old = players_of("lsgan", seed=7)
    last = Last()
    train(config, images, labels, ("a",), callbacks=last, start=old.weights(0))
    name = "generator.dense.weight"
    torch.testing.assert_close(last.tensors[f"0.{name}"], old.weights(0)[f"0.{name}"], rtol=0, atol=1e-9)
