"""ONNX Runtime's sessions, without torch: a service can find out whether a file is a model that can be computed."""

import onnxruntime


def open_session(model: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session on the CPU. Raises ValueError when the bytes are no model that can be computed here."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what is wrong is raised
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a class of its own for each cause, none of them public
        raise ValueError("is not an ONNX model that can be computed here") from error
