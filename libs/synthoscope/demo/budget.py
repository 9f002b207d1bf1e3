"""How much the demo spends on each step. Small on purpose: it shows that everything works, not how well it can."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoBudget:
    """What the demo trains and for how long; sized for two CPU cores. Its report states every figure."""

    image_size: int = 64
    gan_images: int = 10_000
    """Images that the GAN sees in all; the papers use hundreds of thousands."""
    gan_batch_size: int = 64
    classifier_images: int = 45_000
    """Images that each classifier sees in all."""
    most_classifier_epochs: int = 24
    synthetic_per_class: int = 200
    phantoms_per_class: int = 200
    phantom_tests_per_class: int = 50
    trials: int = 4
    trial_images: int = 400
    classifier_trial_epochs: int = 3
    gan_trial_epochs: int = 2
    seed: int = 2026

    def gan_epochs(self, training_images: int) -> int:
        """Passes over the training images that make up the GAN's budget."""
        return max(1, round(self.gan_images / training_images))

    def classifier_epochs(self, training_images: int) -> int:
        """Passes over the training images that make up a classifier's budget."""
        return min(self.most_classifier_epochs, max(4, round(self.classifier_images / training_images)))
