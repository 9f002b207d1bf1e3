"""What the stock Triton client finds at an address: `python triton_client.py ADDRESS TOKEN SIDE`; one JSON object.

A process of its own: its messages have the same names as ours, which one process cannot have twice.
"""

import io
import json
import sys
from typing import Any

import numpy as np
from PIL import Image
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException


def png(level: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((10, 20), level, np.uint8)).save(file, "PNG")
    return file.getvalue()


def tensor(name: str, datatype: str, values: Any) -> InferInput:
    found = InferInput(name, list(values.shape), datatype)
    found.set_data_from_numpy(values)
    return found


def main(address: str, token: str, side: int) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}"}
    client = InferenceServerClient(address)

    def infer(*inputs: InferInput, model: str = "cnn", version: str = "", outputs: Any = None) -> Any:
        return client.infer(model, list(inputs), version, outputs=outputs, request_id="mine", headers=headers)

    def refusal(*inputs: InferInput, **options: Any) -> str:
        try:
            infer(*inputs, **options)
        except InferenceServerException as error:
            return f"{error.status()}: {error.message()}"
        return ""

    levels = np.array([0, 204, 7], np.uint8)
    pixels = np.broadcast_to(levels[:, None, None, None], (3, side, side, 3)).copy()
    answer = infer(tensor("images", "UINT8", pixels))
    names = [output.name for output in answer.get_response().outputs]
    files = np.array([png(204), png(7)], object)
    some = [InferRequestedOutput("label")]
    labels = infer(tensor("files", "BYTES", files), outputs=some)
    found = {
        "live": client.is_server_live(headers=headers),
        "ready": client.is_server_ready(headers=headers),
        "model": [client.is_model_ready(name, headers=headers) for name in ("cnn", "gan", "none")],
        "server": client.get_server_metadata(headers=headers, as_json=True),
        "metadata": client.get_model_metadata("cnn", headers=headers, as_json=True),
        "index": client.get_model_repository_index(headers=headers, as_json=True),
        "outputs": {name: np.asarray(answer.as_numpy(name)).astype(str).tolist() for name in names},
        "id": answer.get_response().id,
        "version": answer.get_response().model_version,
        "classes": answer.get_response().parameters["classes"].string_param,
        "floats": infer(tensor("images", "FP32", pixels.astype(np.float32))).as_numpy("probabilities").tolist(),
        "files": labels.as_numpy("label").astype(str).tolist(),
        "asked": [
            output.name for output in infer(tensor("files", "BYTES", files), outputs=some).get_response().outputs
        ],
        "refusals": {
            "model": refusal(tensor("images", "UINT8", pixels), model="none"),
            "gan": refusal(tensor("images", "UINT8", pixels), model="gan"),
            "version": refusal(tensor("images", "UINT8", pixels), version="0123456789abcdef"),
            "name": refusal(tensor("pixels", "UINT8", pixels)),
            "datatype": refusal(tensor("images", "INT32", pixels.astype(np.int32))),
            "size": refusal(tensor("images", "UINT8", pixels[:, 1:])),
            "nan": refusal(tensor("images", "FP32", np.full(pixels.shape, np.nan, np.float32))),
            "range": refusal(tensor("images", "FP32", np.full(pixels.shape, 256, np.float32))),
            "output": refusal(tensor("images", "UINT8", pixels), outputs=[InferRequestedOutput("heatmap")]),
            "file": refusal(tensor("files", "BYTES", np.array([b"no image"], object))),
            "two": refusal(tensor("images", "UINT8", pixels), tensor("files", "BYTES", files)),
        },
    }
    client.load_model("cnn", headers=headers)
    client.unload_model("cnn", headers=headers)
    try:
        client.is_server_live()
    except InferenceServerException as error:
        found["without token"] = error.status()
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
