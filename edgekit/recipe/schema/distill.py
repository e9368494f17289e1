"""How a student learns from its teacher: objectives, mode, and what changes around them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edgekit.recipe.schema.base import Config, Count, Positive, Weight
from edgekit.recipe.schema.student import Student
from edgekit.recipe.schema.training import Training


class LossWeights(Config):
    """Weight of each term in the loss; 0 leaves a term out. The DistilBERT triple by default."""

    labels: Weight = Field(0.5, description="The true labels.")
    # Response: the teacher's outputs.
    soft_targets: Weight = Field(1.0, description="KL(teacher ‖ student) with T² (Hinton et al., 2015).")
    reverse_kl: Weight = Field(0.0, description="KL(student ‖ teacher).")
    symmetric_kl: Weight = Field(0.0, description="Mean of both KL directions.")
    jensen_shannon: Weight = Field(0.0, description="Generalised Jensen–Shannon divergence.")
    logit_mse: Weight = Field(0.0, description="Mean squared error of logits (Ba & Caruana, 2014).")
    decoupled: Weight = Field(0.0, description="DKD: target and other classes apart (Zhao et al., 2022).")
    correlation: Weight = Field(0.0, description="DIST: correlation of predictions (Huang et al., 2022).")
    # Feature: what happens inside.
    hidden_cosine: Weight = Field(0.5, description="1 − cosine of hidden states (Sanh et al., 2019).")
    hidden_mse: Weight = Field(0.0, description="Squared error of hidden states (Jiao et al., 2020).")
    attention_maps: Weight = Field(0.0, description="Attention of each head (TinyBERT; Jiao et al., 2020).")
    attention_relations: Weight = Field(
        0.0, description="Relations among queries, keys and values (MiniLMv2; Wang et al., 2021)."
    )
    hints: Weight = Field(
        0.0, description="A middle layer through a regressor (FitNets; Romero et al., 2015)."
    )
    attention_transfer: Weight = Field(
        0.0, description="Where activations are large (Zagoruyko & Komodakis, 2017)."
    )
    embedding_cosine: Weight = Field(0.0, description="1 − cosine of sentence embeddings.")
    embedding_mse: Weight = Field(0.0, description="Squared error of sentence embeddings.")
    # Relation: how rows of a batch lie to each other.
    relation_distance: Weight = Field(0.0, description="RKD distances (Park et al., 2019).")
    relation_angle: Weight = Field(0.0, description="RKD angles (Park et al., 2019).")
    similarity: Weight = Field(0.0, description="Similarity-preserving (Tung & Mori, 2019).")
    probability_transfer: Weight = Field(0.0, description="PKT (Passalis & Tefas, 2018).")
    correlation_congruence: Weight = Field(0.0, description="CC (Peng et al., 2019).")
    contrastive: Weight = Field(0.0, description="CRD (Tian et al., 2020).")

    @model_validator(mode="after")
    def _something(self) -> LossWeights:
        if not any(self.model_dump().values()):
            raise ValueError("every weight is 0: nothing would be learned")
        return self


class Objectives(Config):
    """Settings inside single objectives."""

    jensen_shannon_beta: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="Share of the teacher in the mixture; towards 0: forward KL, towards 1: reverse."
    )
    decoupled_alpha: Weight = Field(1.0, description="Weight of the target class in DKD.")
    decoupled_beta: Weight = Field(8.0, description="Weight of the other classes in DKD.")
    correlation_between: Weight = Field(1.0, description="DIST: weight between classes of a row.")
    correlation_within: Weight = Field(1.0, description="DIST: weight within a class over rows.")
    relation_heads: Annotated[int, Field(ge=1, le=256)] = Field(12, description="Heads for MiniLM relations.")
    contrastive_temperature: Positive = 0.1
    contrastive_negatives: Annotated[int, Field(ge=1, le=65536)] = Field(
        512, description="Teacher rows kept as negatives for CRD."
    )
    projection_size: Annotated[int, Field(ge=2, le=4096)] = Field(128, description="Width of CRD's space.")


class Mutual(Config):
    """Deep mutual learning (Zhang et al., 2018): students that teach each other; the first is kept."""

    peers: Annotated[int, Field(ge=2, le=8)] = 2


class EarlyExits(Config):
    """Self-distillation (Zhang et al., 2019): the last layer teaches exits at earlier ones."""

    layers: tuple[Count, ...] = Field((), description="1-based layers with an exit; empty: every one.")
    weight: Positive = Field(0.5, description="Of all exits' losses together.")


class Snapshot(Config):
    """The student's own past as its teacher."""

    kind: Literal["ema", "epoch"] = Field(
        "ema", description="`ema`: a running mean of weights; `epoch`: as they were an epoch ago."
    )
    decay: Annotated[float, Field(gt=0, lt=1)] = Field(0.99, description="Of the mean, per step.")


class Adversarial(Config):
    """A discriminator that tells teacher from student sentence representations (Wang et al., 2018)."""

    weight: Positive = 0.1
    hidden_size: Annotated[int, Field(ge=1, le=8192)] = 128


class HardSamples(Config):
    """Rows moved in embedding space to where student and teacher disagree most; both answer there."""

    weight: Positive = 0.5
    radius: Positive = Field(0.05, description="Length of the step, relative to each token's embedding.")
    steps: Annotated[int, Field(ge=1, le=10)] = 1


class OnPolicy(Config):
    """The student writes, its teacher corrects: generalised knowledge distillation (Agarwal et al., 2024)."""

    share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="Of the batches in which the student goes on with a text by itself (λ)."
    )
    prompt_tokens: Count = Field(32, description="Of a training text that the student continues, at most.")
    new_tokens: Count = Field(64, description="That it writes, at most.")


class TeacherTexts(Config):
    """The teacher goes on with training texts, and the student learns these too (Kim & Rush, 2016)."""

    texts: Count = Field(1000, description="How many it writes, of as many training texts at most.")
    prompt_tokens: Count = Field(32, description="Of a training text that it continues.")
    new_tokens: Count = Field(128, description="That it writes, at most.")
    temperature: Positive = 1.0


class Distill(Training):
    """Training of the student under its teacher."""

    mode: Literal["offline", "online", "mutual", "early_exits", "snapshot"] = Field(
        "offline",
        description="`offline`: a frozen teacher. `online`: the teacher learns alongside. `mutual`: peers "
        "teach each other. `early_exits` and `snapshot`: the student teaches itself.",
    )
    temperature: Annotated[float, Field(ge=0.1, le=100)] = Field(2.0, description="T of the soft targets.")
    weights: LossWeights = LossWeights()
    objectives: Objectives = Objectives()
    layer_map: Literal["uniform", "last"] | tuple[tuple[Count, Count], ...] = Field(
        "uniform",
        description="Which teacher layer each student layer learns from: spread over all, the last ones, or "
        "a list of [student, teacher], 1-based. Losses on one layer only use the last.",
    )
    combine: Literal["mean", "confidence"] = Field(
        "mean", description="Several teachers: mean by their weights, or by each one's certainty per row."
    )
    mutual: Mutual = Mutual()
    early_exits: EarlyExits = EarlyExits()
    snapshot: Snapshot = Snapshot()
    adversarial: Adversarial | None = Field(None, description="null: no discriminator.")
    hard_samples: HardSamples | None = Field(None, description="null: no generated samples.")
    on_policy: OnPolicy | None = Field(None, description="Decoders only; null: texts alone teach.")
    teacher_texts: TeacherTexts | None = Field(None, description="Decoders only; null: none are written.")
    assistants: tuple[Student, ...] = Field(
        (),
        description="Teacher assistants between teacher and student, largest first (Mirzadeh et al., 2020).",
    )
    generations: Annotated[int, Field(ge=1, le=20)] = Field(
        1,
        description="Above 1: each student teaches the next one (born-again; Furlanello et al., 2018).",
    )
    cache_limit_bytes: Annotated[int, Field(ge=0)] = Field(
        8_000_000_000, description="Disk space for the teacher's answers; 0: ask it for every batch."
    )
    cache_top_k: Count | None = Field(
        None, description="Keep only this many logits per answer and the rest as one mass; null: all."
    )


class Pretrain(Distill):
    """Task-agnostic masked-LM distillation on all texts, before the task (Sanh et al., 2019)."""

    mask_share: Annotated[float, Field(gt=0, lt=1)] = Field(0.15, description="Share of tokens masked.")
    head_epochs: Annotated[int, Field(ge=0, le=100)] = Field(
        1, description="Epochs that train the teacher's masked-LM head when it was published without one."
    )


class Baselines(Config):
    """What the student is compared with, in the same run."""

    label_only: bool = Field(
        True, description="The same layers of the model as fetched, trained on labels alone."
    )
    tfidf: bool = Field(True, description="TF-IDF with a linear model.")
