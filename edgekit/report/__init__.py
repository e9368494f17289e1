"""The showing room: renders what a run recorded; measures and judges nothing."""
