from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from synthoscope.classifier.networks import SeedCnn, build_network
from synthoscope.saliency.grad_cam import grad_cam

TARGETS = torch.tensor([0, 1, 2, 3, 1, 1])


@pytest.fixture(scope="module")
def network():
    return build_network("cnn-64", 4, seed=2).eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0))


class Hooked(SeedCnn):
    """The same network with its last activation as a module, which hooks can be set on."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.activation = torch.nn.Identity()

    def features(self, x):
        return self.activation(super().features(x))


def reference(network, image, target):
    """Grad-CAM as it is usually written: hooks on the layer, backward through the whole network, image by image."""
    hooked = Hooked(64, 4)
    hooked.load_state_dict(network.state_dict())
    kept = {}
    hooked.activation.register_forward_hook(lambda _m, _i, output: kept.update(activation=output))
    hooked.activation.register_full_backward_hook(lambda _m, _i, gradients: kept.update(gradient=gradients[0]))
    hooked(image[None])[0, target].backward()
    activation, gradient = kept["activation"][0].detach(), kept["gradient"][0]
    weights = gradient.mean(dim=(1, 2))
    return F.relu(torch.einsum("k,khw->hw", weights, activation))


def test_it_equals_the_implementation_with_hooks(network, images):
    cam = grad_cam(network, images, TARGETS)
    for image, target, map_ in zip(images, TARGETS, cam.maps, strict=True):
        torch.testing.assert_close(map_, reference(network, image, target), atol=1e-6, rtol=1e-4)
    assert cam.maps.max() > 0


def test_a_batch_of_mixed_classes_equals_single_images(network, images):
    batch = grad_cam(network, images, TARGETS)
    for index in range(len(images)):
        single = grad_cam(network, images[index : index + 1], TARGETS[index : index + 1])
        assert (single.maps[0] - batch.maps[index]).abs().max() < 1e-5
        assert (single.logits[0] - batch.logits[index]).abs().max() < 1e-5


def test_without_targets_the_predicted_class_is_explained(network, images):
    predicted = network(images).argmax(1)
    assert torch.equal(grad_cam(network, images).maps, grad_cam(network, images, predicted).maps)


def test_maps_are_raw_and_come_with_the_networks_outputs(network, images):
    cam = grad_cam(network, images, TARGETS)
    assert cam.maps.shape == (6, 12, 12)
    assert cam.maps.dtype == torch.float32
    assert cam.maps.min() >= 0
    torch.testing.assert_close(cam.logits, network(images).detach())
    torch.testing.assert_close(cam.probabilities.sum(1), torch.ones(6))
    assert not any(tensor.requires_grad for tensor in (cam.maps, cam.logits, cam.probabilities))


def test_maps_are_in_the_unit_of_the_logit(network, images):
    louder = build_network("cnn-64", 4, seed=2)
    with torch.no_grad():
        louder.output.weight *= 3
        louder.output.bias *= 3
    torch.testing.assert_close(grad_cam(louder, images, TARGETS).maps, 3 * grad_cam(network, images, TARGETS).maps)


def test_frozen_weights_will_do_and_gradients_are_left_alone(network, images):
    expected = grad_cam(network, images, TARGETS).maps
    assert all(parameter.grad is None for parameter in network.parameters())
    frozen = build_network("cnn-64", 4, seed=2).requires_grad_(False)
    torch.testing.assert_close(grad_cam(frozen, images, TARGETS).maps, expected)
    with torch.no_grad():
        torch.testing.assert_close(grad_cam(frozen, images, TARGETS).maps, expected)


def test_threads_may_share_a_network(network, images):
    expected = [grad_cam(network, images, (TARGETS + shift) % 4).maps.numpy() for shift in range(4)]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda call: grad_cam(network, images, (TARGETS + call) % 4).maps.numpy(), range(64))
        for call, answer in enumerate(answers):
            np.testing.assert_allclose(answer, expected[call % 4], atol=1e-6)
