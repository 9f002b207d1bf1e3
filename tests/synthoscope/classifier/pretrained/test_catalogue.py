import pytest
from pytorchcv.models.common.model_store import get_model_metainfo

from synthoscope.classifier.config import TRANSFER_PRESETS
from synthoscope.classifier.pretrained.catalogue import IMAGENET, IN_A_WHEEL


@pytest.mark.parametrize("network", IMAGENET)
def test_what_is_known_of_published_weights_is_what_their_package_says(network):
    published = IMAGENET[network]
    parameters, top5_error, sha1, release = get_model_metainfo(published.constructor)
    assert (published.parameters, published.sha1, published.release) == (parameters, sha1, release)
    assert published.top5_error == int(top5_error) / 100
    assert published.top1_error > published.top5_error
    assert published.path == f"{release}/{published.constructor}-{top5_error}-{sha1[:8]}.pth.zip"
    assert 4 * parameters < published.most_bytes < 5.3 * parameters


def test_every_backbone_has_weights():
    assert {*IMAGENET, IN_A_WHEEL} == TRANSFER_PRESETS
