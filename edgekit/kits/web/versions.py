"""What a kit's package.json asks for: the versions that the tests install, compile against and run."""

ONNXRUNTIME = "1.30.0"  # onnxruntime-web and onnxruntime-node
TYPESCRIPT = "5.9.3"
NODE_TYPES = "20.19.39"
