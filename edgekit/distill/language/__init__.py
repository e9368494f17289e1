"""Distillation of decoders: losses on next tokens, computed in chunks of the vocabulary's large logits."""
