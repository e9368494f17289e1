"""Makes transformers and optimum know edgekit's own architectures."""

from __future__ import annotations

import functools


@functools.cache
def register() -> None:
    """Adds the small networks, low-rank models and classifiers of arrays to transformers' Auto classes, and
    the first two to optimum's names.

    Called before anything is loaded; calling it again does nothing.
    """
    from optimum.utils import NormalizedConfigManager, NormalizedTextConfig
    from transformers import (
        AutoConfig,
        AutoModel,
        AutoModelForAudioClassification,
        AutoModelForImageClassification,
        AutoModelForMaskedLM,
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
    )

    from edgekit.models.audio.modeling import (
        EfficientNetLiteAudioConfig,
        EfficientNetLiteForAudioClassification,
    )
    from edgekit.models.images.modeling import (
        EfficientNetLiteConfig,
        EfficientNetLiteForImageClassification,
    )
    from edgekit.models.small import low_rank, modeling

    autos = {
        "Model": AutoModel,
        "ForSequenceClassification": AutoModelForSequenceClassification,
        "ForTokenClassification": AutoModelForTokenClassification,
        "ForMaskedLM": AutoModelForMaskedLM,
    }
    for kind in ("BiLstm", "Cnn", "Static"):
        config = getattr(modeling, f"{kind}Config")
        AutoConfig.register(config.model_type, config)
        NormalizedConfigManager._conf[config.model_type] = NormalizedTextConfig
        for suffix, auto in autos.items():
            if model := getattr(modeling, kind + suffix, None):
                auto.register(config, model)
    for base in low_rank.BASES:
        config = low_rank.config_class(base)
        AutoConfig.register(config.model_type, config)
        NormalizedConfigManager._conf[config.model_type] = NormalizedConfigManager._conf[base]
        for suffix in low_rank.TASKS:
            autos[suffix].register(config, low_rank.model_class(base, suffix))
    AutoConfig.register(EfficientNetLiteConfig.model_type, EfficientNetLiteConfig)
    AutoModelForImageClassification.register(EfficientNetLiteConfig, EfficientNetLiteForImageClassification)
    AutoConfig.register(EfficientNetLiteAudioConfig.model_type, EfficientNetLiteAudioConfig)
    AutoModelForAudioClassification.register(
        EfficientNetLiteAudioConfig, EfficientNetLiteForAudioClassification
    )
