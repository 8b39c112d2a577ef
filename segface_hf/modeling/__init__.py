"""The SegFace network: backbones, decoder and the model that loads and saves."""
