"""The measuring room: contestants in one process, interleaved, with intervals and the environment."""
