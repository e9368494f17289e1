"""Image classifiers: what prepares an image, the networks, and students cut from them.

A row of an image is `{"pixel_values": uint8 [3, H, W]}`. Networks take those values as float32, 0–255, RGB,
and normalise them by themselves, so that no app can do it differently.
"""
