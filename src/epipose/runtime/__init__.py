"""Networks that see 3D in one camera, at work on pictures and videos: no torch, only ONNX Runtime."""
