"""A cut vocabulary tokenises as before whatever uses kept tokens only, and everything else somehow."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.errors import AssetError, ModelError
from edgekit.models.load import load_model
from edgekit.models.save import save_model
from edgekit.models.student import make_student
from edgekit.models.students.vocabulary import aligned, count_tokens, token_map, trim
from edgekit.recipe.schema import Student, Vocabulary
from edgekit.types import Source

# The one English text of this repository that never changes.
LICENSE = Path(__file__).parents[2] / "LICENSE"
CORPUS = [line for line in LICENSE.read_text(encoding="utf-8").splitlines() if line.strip()]
PHRASES = [" ".join(line.split()[i : i + 3]) for line in CORPUS for i in range(0, len(line.split()), 3)]
NASTY = [
    "", " ", "[MASK] [PAD] <s> </s> <unk>", "naïve café Ünïcödé ﬁ ①", "日本語のテキスト 한국어", "🙂🙃👩‍👩‍👧",
    "a\u0301 e\u0300\u200b\u200d\ufeff", "\x00\x01\t\r\n", "x" * 300, "##ing ##s [UNK] Ġthe ▁the <0x0A>",
    "aaaaabaaaa  aa a", "don't can't I'll 3,141.59%", "ｆｕｌｌｗｉｄｔｈ", "مرحبا بالعالم", "\u2028\u2029",
]  # fmt: skip


def wordpiece() -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertTokenizerFast

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=900, special_tokens=special))
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return BertTokenizerFast(vocab=made.get_vocab(), tokenizer_object=made)


def byte_bpe() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=1200, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
    )  # fmt: skip


def unigram() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    special = ["<pad>", "<unk>", "<s>", "</s>"]
    made.train_from_iterator(
        CORPUS, trainers.UnigramTrainer(vocab_size=900, special_tokens=special, unk_token="<unk>")
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    made.add_tokens(["extra-word"])  # beside the model's own vocabulary
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


def sentence_bpe() -> Any:
    """As Llama 2, Mistral and Gemma have it: what has no token is written as its bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<pad>", "<unk>", "<s>", "</s>"]
    made.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=900, special_tokens=special))
    spec = json.loads(made.to_str())
    spec["model"]["vocab"] |= {f"<0x{i:02X}>": len(spec["model"]["vocab"]) + i for i in range(256)}
    made = Tokenizer.from_str(json.dumps(spec))
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


KINDS = {"wordpiece": wordpiece, "byte_bpe": byte_bpe, "unigram": unigram, "sentence_bpe": sentence_bpe}


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest) -> tuple[Any, Any, set[int]]:
    """A tokenizer, the same cut to half of the corpus, and the ids that were kept."""
    whole = KINDS[request.param]()
    counts = count_tokens([{"input_ids": ids} for ids in whole(CORPUS[::2])["input_ids"]])
    cut = trim(whole, counts, min_count=2)
    assert len(cut.kept) < len(whole)
    return whole, cut.processor, set(cut.kept)


def assert_same(text: str, whole: Any, cut: Any, kept: set[int]) -> bool:
    """Compares the two where the promise holds; says whether it does."""
    before = whole(text)["input_ids"]
    after = cut(text)["input_ids"]
    assert all(i < len(cut) for i in after)
    if not set(before) <= kept:
        return False
    assert cut.convert_ids_to_tokens(after) == whole.convert_ids_to_tokens(before), repr(text)
    return True


def test_real_and_nasty_texts_keep_their_tokens(pair) -> None:
    whole, cut, kept = pair
    held = [assert_same(text, whole, cut, kept) for text in [*PHRASES, *NASTY]]
    assert 0.2 < sum(held) / len(held) < 1, "both kinds of text must occur"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_text_of_kept_tokens_keeps_them(pair, data: st.DataObject) -> None:
    whole, cut, kept = pair
    words = st.sampled_from(sorted(kept)).map(lambda i: whole.decode([i]))
    text = data.draw(st.lists(st.one_of(words, st.text(max_size=5)), max_size=12).map("".join))
    assert_same(text, whole, cut, kept)


def test_minilm_reads_other_reviews_as_before() -> None:
    """The real tokenizer, cut to every other review, where an earlier run of the recipe has fetched both."""
    from transformers import AutoTokenizer

    from edgekit.assets.fetch import fetch
    from edgekit.recipe.load import load_recipe

    recipe = load_recipe("movie-reviews")
    try:
        model = fetch(recipe.teacher.model, kind="model", offline=True)
        data = fetch(recipe.data.source, kind="data", offline=True)
    except AssetError:
        pytest.skip("the model and the reviews are not in the cache")
    whole = AutoTokenizer.from_pretrained(model.path)
    lines = data.path.read_text(encoding="latin-1").splitlines()
    texts = [line.split("\t")[2] for line in lines]
    counts = count_tokens([{"input_ids": ids} for ids in whole(texts[::2], padding=False)["input_ids"]])
    cut = trim(whole, counts)
    assert len(cut.kept) < 14_000
    held = [
        assert_same(text, whole, cut.processor, set(cut.kept)) for text in [*texts[1::2], *PHRASES, *NASTY]
    ]
    assert sum(held) > 2500


def test_a_dropped_word_falls_back_to_smaller_tokens(pair) -> None:
    whole, cut, _ = pair
    for text in CORPUS:
        if whole.unk_token_id not in whole(text)["input_ids"]:
            assert cut.unk_token_id not in cut(text)["input_ids"], text
            if "".join(whole.decode(whole(text)["input_ids"]).split()) == "".join(text.split()):
                assert "".join(cut.decode(cut(text)["input_ids"]).split()) == "".join(text.split())


def test_pairs_and_special_tokens_have_their_new_ids(pair, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    whole, cut, _ = pair
    before, after = whole("the Work", "a copy"), cut("the Work", "a copy")
    assert cut.convert_ids_to_tokens(after["input_ids"]) == whole.convert_ids_to_tokens(before["input_ids"])
    for name in ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token", "bos_token", "eos_token"):
        assert getattr(cut, name) == getattr(whole, name)
    assert sorted(cut.get_vocab().values()) == list(range(len(cut)))
    cut.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.get_vocab() == cut.get_vocab()
    assert [again(t)["input_ids"] for t in NASTY] == [cut(t)["input_ids"] for t in NASTY]


def test_the_size_counts_everything_and_keeps_the_most_frequent(pair) -> None:
    whole, _, _ = pair
    counts = count_tokens([{"input_ids": ids} for ids in whole(CORPUS)["input_ids"]])
    least = len(trim(whole, Counter()).kept)
    cut = trim(whole, counts, size=least + 50)
    assert least + 40 <= len(cut.processor) <= least + 50
    chosen = [i for i, _ in counts.most_common(20)]
    assert set(chosen) <= set(cut.kept)
    with pytest.raises(ModelError, match="special tokens and single characters"):
        trim(whole, counts, size=least - 1)


def test_rows_say_whether_positions_still_match(pair) -> None:
    whole, cut, kept = pair
    texts = [text for text in CORPUS if len(text) < 200]
    theirs = [{"input_ids": ids} for ids in whole(texts)["input_ids"]]
    mine = [{"input_ids": ids} for ids in cut(texts)["input_ids"]]
    found = aligned(whole, cut, theirs, mine)
    assert found == tuple(set(row["input_ids"]) <= kept for row in theirs)
    assert any(found) and not all(found)
    assert token_map(whole, cut).keys() == kept


def test_a_student_reads_with_its_own_vocabulary(tiny_classifier: Path, tmp_path: Path) -> None:
    teacher = load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")
    texts = ["a moving and superb film", "a dull story , sadly"]
    rows = [dict(teacher.processor(text)) for text in texts]
    config = Student(layers=4, vocabulary=Vocabulary(min_count=1))
    student = make_student(teacher, config, name="s", rows=rows)
    assert student.module.config.vocab_size == len(student.processor) < len(teacher.processor)
    assert student.module.config.pad_token_id == student.processor.pad_token_id
    for text in texts:
        inputs = {m.name: m.processor(text, return_tensors="pt") for m in (teacher, student)}
        with torch.no_grad():
            torch.testing.assert_close(
                student.module(**inputs["s"]).logits, teacher.module(**inputs["teacher"]).logits
            )
    save_model(student, tmp_path / "s", provenance={})
    again = load_model(Source("s", "0" * 64, tmp_path / "s"), name="s")
    assert again.processor("a lazy film")["input_ids"] == student.processor("a lazy film")["input_ids"]


def test_a_masked_language_model_loses_the_same_outputs(tiny_classifier: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    from edgekit.models.students.vocabulary import with_vocabulary

    teacher = load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")
    torch.manual_seed(0)
    module = BertForMaskedLM(
        BertConfig(vocab_size=len(teacher.processor), hidden_size=16, num_hidden_layers=1,
                   num_attention_heads=2, intermediate_size=16)
    ).eval()  # fmt: skip
    module.cls.predictions.bias.data.normal_()
    ids = teacher.processor("a dull film")["input_ids"]
    cut = trim(teacher.processor, Counter(ids))
    made = with_vocabulary(module, cut)
    with torch.no_grad():
        mine = made(torch.tensor([cut.processor("a dull film")["input_ids"]])).logits
        theirs = module(torch.tensor([ids])).logits[:, :, list(cut.kept)]
    torch.testing.assert_close(mine, theirs)


def test_a_padding_token_that_positions_count_from_may_not_move(tiny_classifier: Path) -> None:
    from transformers import RobertaConfig, RobertaForSequenceClassification

    from edgekit.models.students.vocabulary import with_vocabulary

    teacher = load_model(Source("tiny", "0" * 64, tiny_classifier), name="teacher")
    module = RobertaForSequenceClassification(
        RobertaConfig(vocab_size=len(teacher.processor), hidden_size=16, num_hidden_layers=1,
                      num_attention_heads=2, intermediate_size=16, pad_token_id=9)
    )  # fmt: skip
    cut = trim(teacher.processor, Counter(), keep=[9])
    with pytest.raises(ModelError, match="counts positions from its padding token"):
        with_vocabulary(module, replace(cut, ids={**cut.ids, 9: 5}))


def test_with_bytes_no_character_need_stay() -> None:
    whole = sentence_bpe()
    cut = trim(whole, Counter(whole("the Work")["input_ids"])).processor
    assert {t for t in cut.get_vocab() if len(t) == 1} == set("▁theWork")
    for text in ("a copy of the Work", "naïve 日本 🙂"):
        assert cut.unk_token_id not in cut(text)["input_ids"]
        assert cut.decode(cut(text)["input_ids"], skip_special_tokens=True) == text


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<pad>": 0, "<unk>": 1, "a": 2}, unk_token="<unk>"))
    processor = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>")
    with pytest.raises(ModelError, match="WordLevel"):
        trim(processor, {2: 1})
