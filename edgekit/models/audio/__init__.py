"""Sound classifiers: what prepares a clip, the log-mel spectrogram in the graph, and the network behind it.

A row of a clip is `{"input_values": float32 [N]}`: mono, in [−1, 1], at one sampling rate. Everything after
that is in the graph, so that no app can do it differently.
"""
