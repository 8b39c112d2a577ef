"""ONNX export, 8-bit quantisation and the parity check."""
