"""What tests of a GAN's loop see of a run."""

from synthoscope.training.callbacks import Checkpoint, NoCallbacks, Picture, Report


class Recorder(NoCallbacks):
    """Keeps what the loop says, with copies of its tensors; asks it to stop after some steps."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.reports: list[Report] = []
        self.checkpoints: dict[int, Checkpoint] = {}
        self.pictures: dict[int, list[Picture]] = {}

    def on_report(self, report: Report) -> None:
        self.reports.append(report)

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        copies = {name: tensor.clone() for name, tensor in checkpoint.tensors.items()}
        self.checkpoints[checkpoint.step] = Checkpoint(checkpoint.step, copies, checkpoint.state)

    def on_pictures(self, step: int, pictures: list[Picture]) -> None:
        self.pictures[step] = pictures

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.reports) >= self.stop_after

    @property
    def last(self) -> Checkpoint:
        return self.checkpoints[max(self.checkpoints)]
