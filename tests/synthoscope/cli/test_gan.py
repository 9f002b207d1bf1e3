from synthoscope.api.models.v1.models_pb2 import Curve, ModelVersion
from synthoscope.cli.console import console
from synthoscope.cli.gan import print_flags


def test_what_the_monitors_flagged_is_shown():
    flagged = Curve(metric="mode_collapse", steps=[1, 2, 3, 4], values=[0, 1, 1, 0])
    calm = Curve(metric="vanishing_gradients", steps=[1, 2, 3, 4], values=[0, 0, 0, 0])
    loss = Curve(metric="generator_loss", steps=[1, 2, 3, 4], values=[1, 1, 1, 1])
    with console.capture() as shown:
        print_flags(ModelVersion(curves=[flagged, calm, loss]))
    assert shown.get() == "mode collapse was found in 50% of its steps, at last in step 3\n"
