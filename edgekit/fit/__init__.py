"""`edgekit fit`: the search for a student inside bounds. Orchestration above the stages, like `pipeline`.

space → exact sizes and times of untrained students → training that stops early → scores of the files on the
validation split → the students that no other beats → the ordinary run of each, with test scores
"""
