"""ONNX Runtime, as all that run a file here open it."""


def session(model):
    """ONNX Runtime's session of a file's path or its bytes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
