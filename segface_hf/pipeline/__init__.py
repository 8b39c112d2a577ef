"""From a photo to its label map: detect, frame, align, parse, merge."""
