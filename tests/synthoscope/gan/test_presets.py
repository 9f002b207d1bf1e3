from synthoscope.gan.presets import PRESETS


def test_images_are_kept_every_tenth_batch_as_the_third_seed_paper_says():
    assert PRESETS["sngan-mri"].defaults["sample_every"] == 10
    others = {preset.defaults["sample_every"] for name, preset in PRESETS.items() if name != "sngan-mri"}
    assert others == {200}
