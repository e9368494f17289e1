"""What an app kit needs to write text as Python does: how a model is called, tokens as text, chat."""
